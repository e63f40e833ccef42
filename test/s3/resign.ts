import { createHash, createHmac } from 'node:crypto'

/** A request as it goes over the wire; header names in lower case. `target` is its path and query, percent-encoded. */
export interface SignableRequest {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
}

export interface Signer {
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/**
 * The headers with a new signature, for a request whose headers were changed after its client signed it. Signs `host` and all `x-amz-` headers,
 * of which x-amz-date and x-amz-content-sha256 must be there. Follows "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference.
 */
export function resigned({ method, target, headers }: SignableRequest, { region, accessKeyId, secretAccessKey }: Signer): Record<string, string> {
  const { 'x-amz-date': time, 'x-amz-content-sha256': payload } = headers
  if (time === undefined || payload === undefined) throw new TypeError(`${method} ${target} has no x-amz-date or x-amz-content-sha256`)
  // Each chunk of such a body carries a signature that goes on from the request's.
  if (payload.startsWith('STREAMING-AWS4-HMAC-SHA256')) throw new TypeError(`${method} ${target} has a body of signed chunks`)
  const [path = '', query = ''] = target.split('?')
  const canonicalQuery = query.split('&').filter((pair) => pair !== '').map((pair) => (pair.includes('=') ? pair : `${pair}=`)).toSorted().join('&')
  const signed = Object.keys(headers).filter((name) => name === 'host' || name.startsWith('x-amz-')).toSorted()
  const canonicalHeaders = signed.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/\s+/g, ' ')}\n`).join('')
  const canonicalRequest = [method, path, canonicalQuery, canonicalHeaders, signed.join(';'), payload].join('\n')
  const day = time.slice(0, 8)
  const scope = `${day}/${region}/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonicalRequest).digest('hex')].join('\n')
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${secretAccessKey}`)
  return { ...headers, authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signed.join(';')}, Signature=${hmac(key, toSign).toString('hex')}` }
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
