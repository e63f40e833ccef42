import type { ErrorCode } from '../../crds/errors.ts'

/** An object as a listing or a HEAD shows it. */
export interface ObjectInfo {
  /** Absolute, e.g. file:///data/a.parquet or s3://bucket/a.parquet. Not percent-encoded: a key's characters stand as they are. */
  readonly uri: string
  /** Opaque; changes whenever the content is replaced. Two forms may name the same content (`head` and `put` may differ). */
  readonly etag: string
  /** Bytes. */
  readonly size: number
}

/** When a write may take effect. An unconditional write is for objects that nobody else writes. */
export type WriteCondition = { readonly ifNoneMatch: '*' } | { readonly ifMatch: string } | { readonly unconditional: true }

export interface UploadedPart {
  readonly partNumber: number
  readonly etag: string
}

/** An upload that was neither completed nor aborted. */
export interface OpenUpload {
  readonly uri: string
  readonly uploadId: string
}

/**
 * Object storage with conditional writes: the contract that file:, memory and S3 share (`storage-contract.ts` tests it).
 * Errors are `StorageError`s; a missing object is null where the signature says so.
 */
export interface Storage {
  head(uri: string): Promise<ObjectInfo | null>
  /** A whole small object, at most `GET_LIMIT` bytes. */
  get(uri: string): Promise<{ readonly etag: string; readonly bytes: Uint8Array } | null>
  /** Bytes [from, to) as a stream. Throws PreconditionFailed when the object is not the one that `ifMatch` names, NotFound when it is gone. */
  read(uri: string, from: number, to: number, ifMatch: string): AsyncIterable<Uint8Array>
  /** Writes a whole object at once and durably; returns its ETag. Throws PreconditionFailed, or Unclear when it may or may not have taken effect. */
  put(uri: string, bytes: Uint8Array, condition: WriteCondition): Promise<string>
  /** Objects whose URI starts with `prefix`, in ascending order of their UTF-8 bytes. No decision of the protocol depends on it. */
  list(prefix: string): AsyncIterable<ObjectInfo>
  /** Removes an object; one that is missing counts as removed. */
  remove(uri: string): Promise<void>

  /** Begins a multipart upload; the object appears only with `completeUpload`. Returns the upload id. */
  beginUpload(uri: string): Promise<string>
  /** Uploads part 1 to 10,000. Every part but the last has `PART_MINIMUM` bytes or more. */
  uploadPart(uri: string, uploadId: string, partNumber: number, bytes: Uint8Array): Promise<UploadedPart>
  /** Makes a part from bytes [from, to) of another object of the same store, without their passing through this process where the store can. */
  copyPart(uri: string, uploadId: string, partNumber: number, source: { readonly uri: string; readonly ifMatch: string; readonly from: number; readonly to: number }): Promise<UploadedPart>
  /** Joins the parts. Returns the new object's ETag. An upload id that is unknown (completed or aborted before) throws NotFound, or Unclear; the same completion sent again may be answered as at first. */
  completeUpload(uri: string, uploadId: string, parts: readonly UploadedPart[], condition: WriteCondition): Promise<string>
  /** Ids of the uploads of this object that were neither completed nor aborted: what a crash left behind, or another process is at. */
  listUploads(uri: string): Promise<readonly string[]>
  /** The same for all objects that lie directly in a folder (a URI that ends in `/`). For file:, those whose names have at most 120 bytes. */
  listFolderUploads(folder: string): Promise<readonly OpenUpload[]>
  /** Drops an upload and its parts. One that is unknown counts as dropped. */
  abortUpload(uri: string, uploadId: string): Promise<void>
}

/** Largest object that `get` returns, in bytes. */
export const GET_LIMIT = 16 * 1024 * 1024
/** Least size of a multipart part that is not the last, in bytes (S3's EntityTooSmall). */
export const PART_MINIMUM = 5 * 1024 * 1024

/**
 * - NotFound: no such object or upload.
 * - PreconditionFailed: the condition did not hold (412), or another write of the same object is under way (409).
 * - Unclear: the write may or may not have taken effect (timeout, reset, 5xx): look at the object before going on.
 * - Denied: access refused.
 * - Unavailable: storage cannot be used now (throttled, no room, I/O error); a write did not take effect. Another try may help.
 * - Misused: the store cannot do what was asked, now or later (an unknown bucket, an untrusted certificate, an object too large to get); nothing took effect.
 */
export type StorageErrorKind = 'NotFound' | 'PreconditionFailed' | 'Unclear' | 'Denied' | 'Unavailable' | 'Misused'

export class StorageError extends Error {
  readonly kind: StorageErrorKind
  readonly uri: string
  /** What the user is told when the error ends the run. */
  readonly code: ErrorCode

  constructor(kind: StorageErrorKind, uri: string, message: string, options?: ErrorOptions & { readonly code?: ErrorCode }) {
    super(`${message}: ${uri}`, options)
    this.name = 'StorageError'
    this.kind = kind
    this.uri = uri
    this.code = options?.code ?? (kind === 'Denied' ? 'StorageDenied' : 'StorageUnavailable')
  }
}

/** Whether an error is a StorageError of one of these kinds. */
export function isStorageError(error: unknown, ...kinds: StorageErrorKind[]): error is StorageError {
  return error instanceof StorageError && (kinds.length === 0 || kinds.includes(error.kind))
}
