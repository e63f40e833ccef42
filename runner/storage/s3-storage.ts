import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, DeleteObjectCommand, GetObjectCommand, HeadObjectCommand,
  PutObjectCommand, UploadPartCommand, UploadPartCopyCommand, type S3Client,
} from '@aws-sdk/client-s3'
import { messageOf } from '../../crds/errors.ts'
import { makeS3Client, regionOf, type S3Options } from './s3-client.ts'
import { sizeByContentRange, streamOf, windowsOf } from './s3-body.ts'
import { answerOf, isMissing, s3Error, type S3Call } from './s3-errors.ts'
import { listObjects, listOpenUploads, quotedEtag, type Guard } from './s3-list.ts'
import { copySourceOf, parseS3Prefix, parseS3Uri } from './s3-uri.ts'
import { GET_LIMIT, isStorageError, StorageError, type ObjectInfo, type OpenUpload, type Storage, type UploadedPart, type WriteCondition } from './storage.ts'
import { checkPartNumber, checkRange } from './upload-parts.ts'

/**
 * Objects of S3, or of a store that speaks its protocol. No request is ever repeated.
 * Memory: a part or object under way, a window of READ_WINDOW for each read, GET_LIMIT twice for a `get`, a page of 1,000 keys for a listing.
 */
export class S3Storage implements Storage {
  readonly #client: S3Client
  /** What is the same for every call. */
  readonly #common: Pick<S3Call, 'region' | 'hasIdentity'>

  constructor(options: S3Options) {
    this.#client = makeS3Client(options)
    this.#common = { region: regionOf(options), hasIdentity: options.hasIdentity === true }
  }

  async head(uri: string): Promise<ObjectInfo | null> {
    return await this.#orNull({ action: 's3:GetObject', uri }, () => this.#head(uri))
  }

  async get(uri: string): Promise<{ readonly etag: string; readonly bytes: Uint8Array } | null> {
    const { bucket, key } = parseS3Uri(uri)
    return await this.#orNull({ action: 's3:GetObject', uri }, async () => {
      const answer = await this.#client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
      const body = streamOf(answer.Body)
      const { ContentLength: size } = answer
      if (size === undefined || size > GET_LIMIT) {
        body.destroy()
        throw new StorageError('Misused', uri, size === undefined ? 'The store does not say the size of the object' : `The object has over ${GET_LIMIT} bytes and is read by ranges only`)
      }
      const windows: Uint8Array[] = []
      for await (const window of windowsOf(body, size)) windows.push(window)
      return { etag: quotedEtag(needed(answer.ETag, 'ETag', uri)), bytes: Buffer.concat(windows) }
    })
  }

  async *read(uri: string, from: number, to: number, ifMatch: string): AsyncGenerator<Uint8Array> {
    const { bucket, key } = parseS3Uri(uri)
    checkRange(uri, from, to, Number.MAX_SAFE_INTEGER)
    const call = { action: 's3:GetObject', uri }
    if (from === to) {
      // S3 has no empty ranges.
      const { size } = await this.#guard(call)(() => this.#head(uri, ifMatch))
      checkRange(uri, from, to, size)
      return
    }
    const answer = await this.#guard(call)(() => this.#client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=${from}-${to - 1}`, IfMatch: ifMatch })))
    const body = streamOf(answer.Body)
    try {
      const size = sizeByContentRange(answer.ContentRange, from, to)
      if (size === null) throw new StorageError('Misused', uri, `The store answered a request for bytes [${from}, ${to}) with other bytes: it does not serve ranges`, { code: 'StorageUnsuitable' })
      checkRange(uri, from, to, size)
      yield* windowsOf(body, to - from)
    } catch (error) {
      throw this.#errorOf(error, call)
    } finally {
      body.destroy()
    }
  }

  async put(uri: string, bytes: Uint8Array, condition: WriteCondition): Promise<string> {
    const { bucket, key } = parseS3Uri(uri)
    const { ETag } = await this.#guard(writing(uri, condition))(() => this.#client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes, ...conditionHeaders(condition) })))
    return written(ETag, uri)
  }

  /** Markers of folders, keys that end in `/`, are left out. Throws StorageUnsuitable when the store does not list in order. */
  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    yield* listObjects(this.#client, parseS3Prefix(prefix), this.#guard({ action: 's3:ListBucket', uri: prefix }))
  }

  async remove(uri: string): Promise<void> {
    const { bucket, key } = parseS3Uri(uri)
    await this.#orNull({ action: 's3:DeleteObject', uri }, () => this.#client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })))
  }

  async beginUpload(uri: string): Promise<string> {
    const { bucket, key } = parseS3Uri(uri)
    const { UploadId } = await this.#guard({ action: 's3:PutObject', uri })(() => this.#client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key })))
    return needed(UploadId, 'upload id', uri)
  }

  async uploadPart(uri: string, uploadId: string, partNumber: number, bytes: Uint8Array): Promise<UploadedPart> {
    const { bucket, key } = parseS3Uri(uri)
    checkPartNumber(partNumber)
    checkUploadId(uri, uploadId)
    const { ETag } = await this.#guard({ action: 's3:PutObject', uri })(() =>
      this.#client.send(new UploadPartCommand({ Bucket: bucket, Key: key, UploadId: uploadId, PartNumber: partNumber, Body: bytes })),
    )
    return { partNumber, etag: quotedEtag(needed(ETag, 'ETag', uri)) }
  }

  /** The range may not be empty: S3 has no such parts. */
  async copyPart(uri: string, uploadId: string, partNumber: number, source: { readonly uri: string; readonly ifMatch: string; readonly from: number; readonly to: number }): Promise<UploadedPart> {
    const { bucket, key } = parseS3Uri(uri)
    const { from, to, ifMatch } = source
    checkPartNumber(partNumber)
    checkUploadId(uri, uploadId)
    checkRange(source.uri, from, to, Number.MAX_SAFE_INTEGER)
    if (from === to) throw new RangeError(`an empty range of ${source.uri} cannot be copied`)
    const copy = new UploadPartCopyCommand({
      Bucket: bucket, Key: key, UploadId: uploadId, PartNumber: partNumber,
      CopySource: copySourceOf(parseS3Uri(source.uri)), CopySourceIfMatch: ifMatch, CopySourceRange: `bytes=${from}-${to - 1}`,
    })
    const { CopyPartResult } = await this.#client.send(copy).catch((error: unknown) => {
      // All else that can be amiss with the names is amiss with the source.
      const isOfTarget = answerOf(error)?.code === 'NoSuchUpload'
      throw this.#errorOf(error, isOfTarget ? { action: 's3:PutObject', uri } : { action: `s3:GetObject here and s3:PutObject on ${uri}`, uri: source.uri })
    })
    return { partNumber, etag: quotedEtag(needed(CopyPartResult?.ETag, 'ETag', uri)) }
  }

  /** Looks at the object afterwards: Unclear when it is not the one that the store says it made. */
  async completeUpload(uri: string, uploadId: string, parts: readonly UploadedPart[], condition: WriteCondition): Promise<string> {
    const { bucket, key } = parseS3Uri(uri)
    checkUploadId(uri, uploadId)
    const { ETag } = await this.#guard(writing(uri, condition))(() =>
      this.#client.send(
        new CompleteMultipartUploadCommand({
          Bucket: bucket, Key: key, UploadId: uploadId,
          MultipartUpload: { Parts: parts.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: etag })) },
          ...conditionHeaders(condition),
        }),
      ),
    )
    return await this.#madeNow(uri, written(ETag, uri))
  }

  async listUploads(uri: string): Promise<readonly string[]> {
    const uploads = await listOpenUploads(this.#client, parseS3Uri(uri), undefined, this.#guard({ action: 's3:ListBucketMultipartUploads', uri }))
    return uploads.flatMap((upload) => (upload.uri === uri ? [upload.uploadId] : []))
  }

  async listFolderUploads(folder: string): Promise<readonly OpenUpload[]> {
    return await listOpenUploads(this.#client, parseS3Prefix(folder), '/', this.#guard({ action: 's3:ListBucketMultipartUploads', uri: folder }))
  }

  async abortUpload(uri: string, uploadId: string): Promise<void> {
    const { bucket, key } = parseS3Uri(uri)
    if (uploadId === '') return
    try {
      await this.#guard({ action: 's3:AbortMultipartUpload', uri })(() => this.#client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId })))
    } catch (error) {
      if (!isStorageError(error, 'NotFound')) throw error
    }
  }

  /** The ETag of an object that the store says it has made. versitygw says so also of an upload that it does not know, when the object exists. */
  async #madeNow(uri: string, etag: string): Promise<string> {
    const present = await this.#head(uri).catch((error: unknown) => {
      // Whatever the reason: the write may have taken effect.
      const cause = this.#errorOf(error, { action: 's3:GetObject', uri })
      throw new StorageError('Unclear', uri, `The store said that the upload was completed, but not what is there now (${messageOf(cause)})`, { cause })
    })
    if (present.etag !== etag) throw new StorageError('Unclear', uri, `The store said that the upload was completed to ETag ${etag}, but ${present.etag} is there`)
    return etag
  }

  async #head(uri: string, ifMatch?: string): Promise<ObjectInfo> {
    const { bucket, key } = parseS3Uri(uri)
    const condition = ifMatch === undefined ? {} : { IfMatch: ifMatch }
    const { ETag, ContentLength } = await this.#client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ...condition })).catch(async (error: unknown) => {
      if (![400, 403, 404].includes(answerOf(error)?.status ?? 0)) throw error
      // The answer to a HEAD has no body, so only that to a GET tells a missing object from a missing bucket, an expired token or a gateway's 404.
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...condition }))
      streamOf(Body).destroy()
      throw new StorageError('Unavailable', uri, 'The store has the object for a GET and not for a HEAD')
    })
    return { uri, etag: quotedEtag(needed(ETag, 'ETag', uri)), size: needed(ContentLength, 'size', uri) }
  }

  #guard(call: Omit<S3Call, 'region'>): Guard {
    return async (send) => {
      try {
        return await send()
      } catch (error) {
        throw this.#errorOf(error, call)
      }
    }
  }

  /** Null when the object is missing. */
  async #orNull<T>(call: Omit<S3Call, 'region'>, send: () => Promise<T>): Promise<T | null> {
    try {
      return await send()
    } catch (error) {
      const answer = answerOf(error)
      if (answer !== null && isMissing(answer)) return null
      throw this.#errorOf(error, call)
    }
  }

  #errorOf(error: unknown, call: Omit<S3Call, 'region'>): unknown {
    return s3Error(error, { ...call, ...this.#common }, Date.now())
  }
}

function writing(uri: string, condition: WriteCondition): Omit<S3Call, 'region'> {
  return { action: 's3:PutObject', uri, isWrite: true, ifMatch: 'ifMatch' in condition }
}

function conditionHeaders(condition: WriteCondition): { readonly IfMatch?: string; readonly IfNoneMatch?: '*' } {
  if ('ifMatch' in condition) return { IfMatch: condition.ifMatch }
  return 'ifNoneMatch' in condition ? { IfNoneMatch: condition.ifNoneMatch } : {}
}

/** Without an id a request to upload a part would be one to write the whole object. */
function checkUploadId(uri: string, uploadId: string): void {
  if (uploadId === '') throw new StorageError('NotFound', uri, 'The upload has no id')
}

function written(etag: string | undefined, uri: string): string {
  if (etag === undefined) throw new StorageError('Unclear', uri, 'The store answered a write without an ETag')
  return quotedEtag(etag)
}

function needed<T>(value: T | undefined, name: string, uri: string): T {
  if (value === undefined) throw new StorageError('Unavailable', uri, `The store answered without the ${name}`)
  return value
}
