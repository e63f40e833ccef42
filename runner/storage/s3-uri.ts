import { StorageError } from './storage.ts'

const SCHEME = 's3://'
/** Names that S3 or a compatible store gives to buckets; a store's own rules may be stricter. */
const BUCKET = /^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){1,61}[A-Za-z0-9]$/

/** Where an object lies. */
export interface S3Place {
  readonly bucket: string
  readonly key: string
}

/**
 * Bucket and key of `s3://bucket/key`. The key stands as it is, without percent-encoding. Throws Misused with UnsupportedURI for a name
 * that cannot be a bucket's, and for keys that HTTP clients, proxies and file-backed stores change on their way: empty, `.` and `..` segments.
 */
export function parseS3Uri(uri: string): S3Place {
  const place = parseS3Prefix(uri)
  if (place.key === '') throw refused(uri, 'The URI names a bucket, not an object')
  for (const segment of place.key.split('/')) {
    if (segment === '') throw refused(uri, 'The key has an empty segment: it begins or ends with / or holds //')
    if (segment === '.' || segment === '..') throw refused(uri, `The key has the segment ${segment}`)
  }
  return place
}

/** Bucket and beginning of the keys of a listing. Any beginning will do, the empty one too. Throws Misused with UnsupportedURI. */
export function parseS3Prefix(uri: string): S3Place {
  if (!uri.startsWith(SCHEME)) throw refused(uri, `The URI does not begin with ${SCHEME}`)
  const slash = uri.indexOf('/', SCHEME.length)
  if (slash < 0) throw refused(uri, 'The URI has no / after the bucket')
  const bucket = uri.slice(SCHEME.length, slash)
  if (!BUCKET.test(bucket)) throw refused(uri, `${JSON.stringify(bucket)} cannot be a bucket's name: 3 to 63 letters, digits, hyphens and single dots`)
  const key = uri.slice(slash + 1)
  if (!key.isWellFormed()) throw refused(uri, 'The key is not Unicode text: it holds half of a surrogate pair')
  return { bucket, key }
}

/** The URI of an object. */
export function s3UriOf({ bucket, key }: S3Place): string {
  return `${SCHEME}${bucket}/${key}`
}

/** The value of x-amz-copy-source: bucket and key, percent-encoded as a header needs it. */
export function copySourceOf({ bucket, key }: S3Place): string {
  const encoded = key.split('/').map((segment) => encodeURIComponent(segment).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`))
  return `${bucket}/${encoded.join('/')}`
}

/** A key of a listing. A store that was asked for `url` encoding, and says that it did so, wrote it as a form does: `+` for a space. */
export function decodeListedKey(bucket: string, listed: string, encodingType: string | undefined): string {
  if (encodingType !== 'url') return listed
  try {
    return decodeURIComponent(listed.replaceAll('+', ' '))
  } catch (error) {
    throw new StorageError('Misused', `${SCHEME}${bucket}/${listed}`, 'A key of the listing is not UTF-8; rename the object', { cause: error, code: 'UnsupportedURI' })
  }
}

function refused(uri: string, why: string): StorageError {
  return new StorageError('Misused', uri, why, { code: 'UnsupportedURI' })
}
