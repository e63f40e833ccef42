import { createHash } from 'node:crypto'
import canonicalizeJson from 'canonicalize'

/** RFC 8785 JSON: equal values give equal text. Throws on what JSON cannot hold. */
export function canonicalJson(value: unknown): string {
  const text = canonicalizeJson(value)
  if (text === undefined) throw new TypeError('value has no JSON form')
  return text
}

/** sha256 in lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** sha256 of a value's RFC 8785 JSON, in lower-case hex. */
export function digestOf(value: unknown): string {
  return sha256(canonicalJson(value))
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** The first 80 bits of a text's sha256 in base32 (RFC 4648 alphabet, lower case): 16 characters of [a-z2-7]. */
export function shortDigest(text: string): string {
  const bytes = createHash('sha256').update(text).digest()
  let out = ''
  let bits = 0
  let held = 0
  for (const byte of bytes.subarray(0, 10)) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      out += BASE32.charAt((held >> bits) & 31)
    }
    held &= (1 << bits) - 1
  }
  return out
}
