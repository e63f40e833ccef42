import { createHash } from 'node:crypto'
import { sha256 } from '../../crds/digest.ts'
import type { ObjectRef } from '../../crds/generated/ledger.ts'
import { LlmbatchError } from '../../crds/errors.ts'
import type { Clock } from '../ports/clock.ts'
import { Backoff } from './backoff.ts'
import { isStorageError, type Storage, type UploadedPart, type WriteCondition } from './storage.ts'

/** Bytes held before a part is sent: the bound of a streamed write's memory, and more than the store's PART_MINIMUM. */
const PART_SIZE = 8 * 1024 * 1024

export type WriteResult =
  | { readonly kind: 'Written'; readonly etag: string }
  /** Another writer was first, or has replaced what we wrote since; null when the object is gone. */
  | { readonly kind: 'Lost'; readonly current: { readonly etag: string; readonly bytes: Uint8Array } | null }

/**
 * A conditional write whose fate is always known. After a precondition that failed or an unclear answer the object is read: bytes
 * equal to ours mean that our write took effect (they carry a nonce, so nobody else writes the same); bytes that still fit the condition
 * mean that it did not, and it is tried again, for at most `RETRY_TIME`; then its last error is thrown, and its fate stays open. A try that arrives
 * late finds that its condition no longer holds.
 */
export async function writeResolved(storage: Storage, clock: Clock, uri: string, bytes: Uint8Array, condition: Exclude<WriteCondition, { unconditional: true }>): Promise<WriteResult> {
  const waits = new Backoff(clock)
  for (;;) {
    try {
      return { kind: 'Written', etag: await storage.put(uri, bytes, condition) }
    } catch (error) {
      if (!isStorageError(error, 'PreconditionFailed', 'Unclear', 'NotFound')) throw error
      const current = await storage.get(uri)
      if (current !== null && Buffer.compare(current.bytes, bytes) === 0) return { kind: 'Written', etag: current.etag }
      const mayTryAgain = 'ifMatch' in condition ? current?.etag === condition.ifMatch : current === null
      if (!mayTryAgain) return { kind: 'Lost', current }
      if (!(await waits.wait())) throw error
    }
  }
}

/**
 * Streams an immutable object to a key that nobody else uses (it holds a nonce). Small ones go in one write, larger ones as a
 * multipart upload. Memory: PART_SIZE and one piece.
 */
export async function writeStreamed(storage: Storage, clock: Clock, uri: string, pieces: AsyncIterable<Uint8Array>): Promise<ObjectRef> {
  const hash = createHash('sha256')
  let size = 0
  let held: Uint8Array[] = []
  let heldSize = 0
  let uploadId: string | undefined
  const parts: UploadedPart[] = []
  const flush = async (): Promise<void> => {
    uploadId ??= await storage.beginUpload(uri)
    parts.push(await storage.uploadPart(uri, uploadId, parts.length + 1, Buffer.concat(held)))
    held = []
    heldSize = 0
  }
  try {
    for await (const piece of pieces) {
      hash.update(piece)
      size += piece.length
      held.push(piece)
      heldSize += piece.length
      if (heldSize >= PART_SIZE) await flush()
    }
    if (uploadId !== undefined && heldSize > 0) await flush()
  } catch (error) {
    // The first error tells the cause; an upload that cannot be dropped now is swept by a later runner.
    if (uploadId !== undefined) await Promise.allSettled([storage.abortUpload(uri, uploadId)])
    throw error
  }
  if (uploadId === undefined) {
    const written = await writeResolved(storage, clock, uri, Buffer.concat(held), { ifNoneMatch: '*' })
    if (written.kind === 'Lost') throw new LlmbatchError('InternalError', `${uri} was written by somebody else, although its name is ours alone`)
    return { uri, etag: written.etag, size, sha256: hash.digest('hex') }
  }
  return { uri, etag: await completed(storage, clock, uri, uploadId, parts, size), size, sha256: hash.digest('hex') }
}

/** Completes an upload whose key and id nobody else uses: it can be asked for again until the object is there. */
async function completed(storage: Storage, clock: Clock, uri: string, uploadId: string, parts: readonly UploadedPart[], size: number): Promise<string> {
  const waits = new Backoff(clock)
  for (;;) {
    try {
      return await storage.completeUpload(uri, uploadId, parts, { ifNoneMatch: '*' })
    } catch (error) {
      if (!isStorageError(error, 'PreconditionFailed', 'Unclear', 'NotFound')) throw error
      const info = await storage.head(uri)
      if (info?.size === size) return info.etag
      if (info !== null || !(await waits.wait())) throw error
    }
  }
}

/** Reads a whole immutable object and checks it. Throws LedgerLost when it is gone or differs from what was recorded. */
export async function readRecorded(storage: Storage, ref: ObjectRef): Promise<Uint8Array> {
  const found = await storage.get(ref.uri)
  if (found === null) throw new LlmbatchError('LedgerLost', `${ref.uri} is gone`)
  if (sha256(found.bytes) !== ref.sha256) throw new LlmbatchError('LedgerLost', `${ref.uri} differs from what was recorded`)
  return found.bytes
}
