import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, digestOf, sha256, shortDigest } from './digest.ts'

describe('canonicalJson', () => {
  it('is RFC 8785: its example of section 3.2.2', () => {
    const value: unknown = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
    )
    expect(canonicalJson(value)).toBe(String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`)
  })

  it('sorts names by UTF-16 code units: its example of section 3.2.3', () => {
    const value = { '\u20ac': 'Euro Sign', '\r': 'Carriage Return', '\ufb33': 'Hebrew Letter Dalet With Dagesh', '1': 'One', '\ud83d\ude00': 'Emoji', '\u0080': 'Control', '\u00f6': 'Latin o' }
    const order = ['Carriage Return', 'One', 'Control', 'Latin o', 'Euro Sign', 'Emoji', 'Hebrew Letter Dalet With Dagesh']
    expect(Object.values(JSON.parse(canonicalJson(value)) as object)).toHaveLength(order.length)
    expect([...canonicalJson(value).matchAll(/:"([^"]+)"/g)].map((match) => match[1])).toEqual(order)
  })

  it('gives the same text whatever the order of names, and reads back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = canonicalJson(value)
        expect(canonicalJson(JSON.parse(text))).toBe(text)
        expect(canonicalJson(reversed(value))).toBe(text)
        // -0 is written 0.
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('refuses what JSON cannot hold', () => {
    for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY, () => 1]) expect(() => canonicalJson(value)).toThrow()
  })
})

describe('digests', () => {
  it('are sha256 in lower-case hex', () => {
    expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(sha256(Buffer.from('abc'))).toBe(sha256('abc'))
    expect(digestOf({ b: 1, a: 2 })).toBe(sha256('{"a":2,"b":1}'))
  })

  it('shorten to the first 80 bits in base32', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const bits = BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 20)}`)
        const short = shortDigest(text)
        expect(short).toMatch(/^[a-z2-7]{16}$/)
        expect([...short].reduce((sum, letter) => sum * 32n + BigInt('abcdefghijklmnopqrstuvwxyz234567'.indexOf(letter)), 0n)).toBe(bits)
      }),
    )
  })
})

/** The same value with the names of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([name, child]) => [name, reversed(child)]),
    )
  }
  return value
}
