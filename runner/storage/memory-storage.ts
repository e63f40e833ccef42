import { createHash } from 'node:crypto'
import { GET_LIMIT, StorageError, type ObjectInfo, type OpenUpload, type Storage, type UploadedPart, type WriteCondition } from './storage.ts'
import { checkPartNumber, checkParts, checkRange, READ_WINDOW } from './upload-parts.ts'

interface StoredObject {
  readonly etag: string
  readonly bytes: Uint8Array
}

interface Part {
  readonly etag: string
  readonly size: number
  readonly bytes: Uint8Array
}

interface Upload {
  readonly uri: string
  readonly parts: Map<number, Part>
}

/**
 * Storage in this process's memory, for simulations and tests. Deterministic: no timers, no randomness; each call takes
 * effect in one step, a microtask after it was made, so that concurrent calls race as they do in a real store. As in S3,
 * equal contents written by `put` have equal ETags. Holds all that is written; it has no bound of its own.
 */
export class MemoryStorage implements Storage {
  readonly #objects = new Map<string, StoredObject>()
  readonly #uploads = new Map<string, Upload>()
  #uploadCount = 0

  async head(uri: string): Promise<ObjectInfo | null> {
    await Promise.resolve()
    const object = this.#objects.get(uri)
    return object === undefined ? null : { uri, etag: object.etag, size: object.bytes.length }
  }

  async get(uri: string): Promise<{ readonly etag: string; readonly bytes: Uint8Array } | null> {
    await Promise.resolve()
    const object = this.#objects.get(uri)
    if (object === undefined) return null
    if (object.bytes.length > GET_LIMIT) throw new StorageError('Misused', uri, `The object has over ${GET_LIMIT} bytes and is read by ranges only`)
    return { etag: object.etag, bytes: copyOf(object.bytes) }
  }

  async *read(uri: string, from: number, to: number, ifMatch: string): AsyncIterable<Uint8Array> {
    await Promise.resolve()
    const { bytes } = this.#matching(uri, ifMatch)
    checkRange(uri, from, to, bytes.length)
    for (let at = from; at < to; at += READ_WINDOW) yield copyOf(bytes.subarray(at, Math.min(at + READ_WINDOW, to)))
  }

  async put(uri: string, bytes: Uint8Array, condition: WriteCondition): Promise<string> {
    const copy = copyOf(bytes)
    const etag = sha256(copy)
    await Promise.resolve()
    this.#store(uri, { etag, bytes: copy }, condition)
    return etag
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    await Promise.resolve()
    const keys = [...this.#objects.keys()].filter((uri) => uri.startsWith(prefix)).map((uri) => ({ uri, utf8: Buffer.from(uri) }))
    keys.sort((a, b) => Buffer.compare(a.utf8, b.utf8))
    for (const { uri } of keys) {
      const object = this.#objects.get(uri)
      if (object !== undefined) yield { uri, etag: object.etag, size: object.bytes.length }
    }
  }

  async remove(uri: string): Promise<void> {
    await Promise.resolve()
    this.#objects.delete(uri)
  }

  async beginUpload(uri: string): Promise<string> {
    await Promise.resolve()
    this.#uploadCount += 1
    const uploadId = `upload-${this.#uploadCount}`
    this.#uploads.set(uploadId, { uri, parts: new Map() })
    return uploadId
  }

  async uploadPart(uri: string, uploadId: string, partNumber: number, bytes: Uint8Array): Promise<UploadedPart> {
    checkPartNumber(partNumber)
    const copy = copyOf(bytes)
    await Promise.resolve()
    return this.#storePart(uri, uploadId, partNumber, copy)
  }

  async copyPart(uri: string, uploadId: string, partNumber: number, source: { readonly uri: string; readonly ifMatch: string; readonly from: number; readonly to: number }): Promise<UploadedPart> {
    checkPartNumber(partNumber)
    await Promise.resolve()
    const { bytes } = this.#matching(source.uri, source.ifMatch)
    checkRange(source.uri, source.from, source.to, bytes.length)
    return this.#storePart(uri, uploadId, partNumber, copyOf(bytes.subarray(source.from, source.to)))
  }

  async completeUpload(uri: string, uploadId: string, parts: readonly UploadedPart[], condition: WriteCondition): Promise<string> {
    await Promise.resolve()
    const stored = this.#upload(uri, uploadId).parts
    checkParts(uri, parts, stored)
    const joined = parts.flatMap(({ partNumber }) => stored.get(partNumber) ?? [])
    const object = { etag: `${sha256(Buffer.from(joined.map((part) => part.etag).join()))}-${joined.length}`, bytes: Buffer.concat(joined.map((part) => part.bytes)) }
    this.#store(uri, object, condition)
    this.#uploads.delete(uploadId)
    return object.etag
  }

  async listUploads(uri: string): Promise<readonly string[]> {
    await Promise.resolve()
    return this.openUploads().flatMap((upload) => (upload.uri === uri ? [upload.uploadId] : []))
  }

  async listFolderUploads(folder: string): Promise<readonly OpenUpload[]> {
    await Promise.resolve()
    return this.openUploads().filter(({ uri }) => uri.startsWith(folder) && !uri.slice(folder.length).includes('/'))
  }

  async abortUpload(uri: string, uploadId: string): Promise<void> {
    await Promise.resolve()
    if (this.#uploads.get(uploadId)?.uri === uri) this.#uploads.delete(uploadId)
  }

  /** URIs and ids of the uploads that were neither completed nor aborted: a finished job leaves none. */
  openUploads(): readonly OpenUpload[] {
    return [...this.#uploads].map(([uploadId, { uri }]) => ({ uri, uploadId }))
  }

  #store(uri: string, object: StoredObject, condition: WriteCondition): void {
    const current = this.#objects.get(uri)
    if ('ifNoneMatch' in condition && current !== undefined) throw new StorageError('PreconditionFailed', uri, 'The object exists already')
    if ('ifMatch' in condition && current?.etag !== condition.ifMatch) throw changed(uri)
    this.#objects.set(uri, object)
  }

  #matching(uri: string, ifMatch: string): StoredObject {
    const object = this.#objects.get(uri)
    if (object === undefined) throw new StorageError('NotFound', uri, 'No such object')
    if (object.etag !== ifMatch) throw changed(uri)
    return object
  }

  #upload(uri: string, uploadId: string): Upload {
    const upload = this.#uploads.get(uploadId)
    if (upload?.uri !== uri) throw new StorageError('NotFound', uri, `No upload ${uploadId} is open`)
    return upload
  }

  #storePart(uri: string, uploadId: string, partNumber: number, bytes: Uint8Array): UploadedPart {
    const etag = sha256(bytes)
    this.#upload(uri, uploadId).parts.set(partNumber, { etag, size: bytes.length, bytes })
    return { partNumber, etag }
  }
}

function changed(uri: string): StorageError {
  return new StorageError('PreconditionFailed', uri, 'The object is not the one that If-Match names')
}

/** A copy in memory of its own (a Buffer's slice would share it). */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
