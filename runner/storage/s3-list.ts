import { ListMultipartUploadsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { decodeListedKey, s3UriOf, type S3Place } from './s3-uri.ts'
import { StorageError, type ObjectInfo, type OpenUpload } from './storage.ts'

/** Sends a command; its errors are StorageErrors. */
export type Guard = <T>(send: () => Promise<T>) => Promise<T>

/**
 * Objects whose keys begin with `place.key`, page by page: at most 1,000 are held. A key that ends in `/` marks a folder and is left out.
 * Throws StorageUnsuitable when the store does not list in ascending order of UTF-8 bytes, as S3 Express does not.
 */
export async function* listObjects(client: S3Client, place: S3Place, guard: Guard): AsyncGenerator<ObjectInfo> {
  let previous = { key: '', utf8: Buffer.alloc(0) }
  let token: string | undefined
  do {
    const page = await guard(() =>
      client.send(new ListObjectsV2Command({ Bucket: place.bucket, Prefix: place.key, EncodingType: 'url', ...(token === undefined ? {} : { ContinuationToken: token }) })),
    )
    // Nothing else tells an empty listing from an answer that is none.
    if (page.IsTruncated === undefined) throw incomplete(place, 'without saying whether that is all')
    for (const { Key, ETag, Size } of page.Contents ?? []) {
      if (Key === undefined || ETag === undefined || Size === undefined) throw incomplete(place, 'an object without key, ETag or size')
      const key = decodeListedKey(place.bucket, Key, page.EncodingType)
      const utf8 = Buffer.from(key)
      if (Buffer.compare(previous.utf8, utf8) > 0) {
        throw new StorageError('Misused', s3UriOf(place), `The store lists ${JSON.stringify(key)} after ${JSON.stringify(previous.key)}, not in the order of UTF-8 bytes`, { code: 'StorageUnsuitable' })
      }
      previous = { key, utf8 }
      if (!key.endsWith('/')) yield { uri: s3UriOf({ bucket: place.bucket, key }), etag: quotedEtag(ETag), size: Size }
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined
    if (page.IsTruncated && token === undefined) throw incomplete(place, 'a page that is not the last, without the next one\'s token')
  } while (token !== undefined)
}

/**
 * Uploads that are neither completed nor aborted, of the objects whose keys begin with `place.key`; with a delimiter only of those without it
 * in the rest of their key. All are held, as the ids are short.
 */
export async function listOpenUploads(client: S3Client, place: S3Place, delimiter: '/' | undefined, guard: Guard): Promise<readonly OpenUpload[]> {
  const uploads: OpenUpload[] = []
  let marker: { readonly KeyMarker: string; readonly UploadIdMarker?: string } | undefined
  do {
    const page = await guard(() =>
      client.send(new ListMultipartUploadsCommand({ Bucket: place.bucket, Prefix: place.key, EncodingType: 'url', ...(delimiter === undefined ? {} : { Delimiter: delimiter }), ...marker })),
    )
    if (page.IsTruncated === undefined) throw incomplete(place, 'without saying whether that is all')
    for (const { Key, UploadId } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined) throw incomplete(place, 'an upload without key or id')
      uploads.push({ uri: s3UriOf({ bucket: place.bucket, key: decodeListedKey(place.bucket, Key, page.EncodingType) }), uploadId: UploadId })
    }
    const next = page.IsTruncated ? decodeListedKey(place.bucket, page.NextKeyMarker ?? '', page.EncodingType) : undefined
    if (next !== undefined && next === marker?.KeyMarker && page.NextUploadIdMarker === marker.UploadIdMarker) throw incomplete(place, 'the same page of uploads twice')
    marker = next === undefined ? undefined : { KeyMarker: next, ...(page.NextUploadIdMarker === undefined ? {} : { UploadIdMarker: page.NextUploadIdMarker }) }
  } while (marker !== undefined)
  return uploads
}

/** An ETag as headers hold it: some stores leave the quotes out in XML, and one file may not have two ETags. */
export function quotedEtag(etag: string): string {
  return etag.includes('"') ? etag : `"${etag}"`
}

function incomplete(place: S3Place, what: string): StorageError {
  return new StorageError('Unavailable', s3UriOf(place), `The store lists ${what}`)
}
