import { percentDecoded } from '../runner/plan/percent-decoded.ts'

const SERVED = /^(s3:\/\/|file:)/
/** What the addresses of browsers and presigned requests add to a key. */
const QUERY = /\?(?:versionId|X-Amz-[\w-]+|AWSAccessKeyId|Signature|response-[\w-]+)=.*$/is

/** A URI without the query of an address for browsers; other question marks are part of a key. */
export function withoutQuery(uri: string): string {
  return uri.replace(QUERY, '')
}

/** What to write in place of a URI whose scheme is not served, or of a folder that does not end in `/`. */
export function uriHint(found: string, wantsFolder: boolean): string {
  if (SERVED.test(found)) return folderHint(withoutQuery(found))
  const meant = meantUri(found)
  if (meant === null) return `write ${wantsFolder ? 'a folder that ends in "/", e.g. s3://bucket/folder/ or file:./out/' : 'e.g. s3://bucket/data/*.parquet or file:./data/*.parquet'}; no other store is served`
  const uri = wantsFolder && !meant.uri.endsWith('/') ? `${meant.uri}/` : meant.uri
  return `write ${uri}${meant.endpoint === undefined ? '' : `, and ${meant.endpoint} in spec.storage.endpoint`}`
}

function folderHint(uri: string): string {
  if (uri.endsWith('/')) return `write ${uri}`
  const slash = uri.lastIndexOf('/')
  const isFile = /\.[A-Za-z]\w{1,8}$/.test(uri.slice(slash + 1))
  return isFile && slash >= 0 ? `write a folder, e.g. ${uri.slice(0, slash + 1)}; an output file has the name of its input` : `write ${uri}/`
}

/** The URI that was meant; null when it cannot be told. */
function meantUri(found: string): { readonly uri: string; readonly endpoint?: string } | null {
  const s3 = /^(?:s3[an]?:\/\/|arn:aws[\w-]*:s3:::)(.+)$/i.exec(found)
  if (s3?.[1] !== undefined) return { uri: `s3://${s3[1]}` }
  if (/^https?:\/\//i.test(found)) return URL.canParse(found) ? ofWebAddress(new URL(found)) : null
  // A path: of this machine, absolute or relative.
  if (/^(\.{0,2}\/|[\w.*-]+(\/|$))/.test(found)) return { uri: `file:${found}` }
  return null
}

/** Addresses under which browsers show objects. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html */
function ofWebAddress(url: URL): { readonly uri: string; readonly endpoint?: string } {
  const path = percentDecoded(url.pathname).slice(1)
  if (/(^|\.)console\.aws\.amazon\.com$/.test(url.hostname)) {
    const bucket = /^s3\/(?:buckets|object)\/([^/]+)/.exec(path)?.[1] ?? 'bucket'
    return { uri: `s3://${bucket}/${url.searchParams.get('prefix') ?? ''}` }
  }
  const aws = /^(?:(.+)\.)?s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$/.exec(url.hostname)
  if (aws !== null) return { uri: aws[1] === undefined ? `s3://${path}` : `s3://${aws[1]}/${path}` }
  return { uri: `s3://${path === '' ? 'bucket/key' : path}`, endpoint: url.origin }
}
