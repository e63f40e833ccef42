import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import { Backoff } from './backoff.ts'
import { isStorageError, type ObjectInfo, type Storage, type StorageError, type StorageErrorKind } from './storage.ts'

/** A store that is away for this long is told of, milliseconds. */
const NOTICE_TIME = 2_000
/** Faults after which a call that changes nothing, or the same again, is tried again. */
const REPEATABLE: readonly StorageErrorKind[] = ['Unavailable', 'Unclear']
/** Faults after which a conditional write is tried again: those that say that it had no effect. */
const WITHOUT_EFFECT: readonly StorageErrorKind[] = ['Unavailable']

export interface RetryPorts {
  readonly clock: Clock
  readonly random: Random
  readonly onWait?: (error: StorageError) => void
}

/**
 * Storage that tries again when the store is away for a moment: with exponential backoff and full jitter, for `RETRY_TIME` after the first
 * failure; then the last error is thrown. A stream starts that time anew with each piece it yields.
 *
 * - `put` and `completeUpload` are tried again only on Unavailable. On Unclear they may have taken effect, or may take effect later: the
 *   caller looks at the object (`writeResolved`, `writeStreamed`, merge).
 * - All other calls are tried again on Unavailable and Unclear. `beginUpload` may leave an upload behind that nobody knows; a sweep has to
 *   find it. `remove` may remove what was written at that URI up to `RETRY_TIME` after it was called: it is for objects that nobody writes again.
 * - `read` goes on at the byte where a body broke, with the same If-Match; `list` lists again and skips what it yielded.
 *
 * `onWait` is told of each failure of a call that has been tried for `NOTICE_TIME`, for a user who wonders why nothing moves.
 */
export function retryingStorage(inner: Storage, { clock, random, onWait = () => undefined }: RetryPorts): Storage {
  const backoff = () => new Backoff(clock, () => Buffer.from(random.bytes(4)).readUInt32LE() / 0x1_0000_0000)

  /** Waits for the next try; throws the error when it was the last. */
  async function wait(waits: Backoff, error: unknown, kinds: readonly StorageErrorKind[]): Promise<void> {
    if (!isStorageError(error, ...kinds) || !(await waits.wait())) throw error
    if (waits.waited >= NOTICE_TIME) onWait(error)
  }

  async function retried<T>(kinds: readonly StorageErrorKind[], call: () => Promise<T>): Promise<T> {
    const waits = backoff()
    for (;;) {
      try {
        return await call()
      } catch (error) {
        await wait(waits, error, kinds)
      }
    }
  }

  /** A stream that `open` opens where it goes on: `took` is told each item before it is yielded. */
  async function* resumed<T>(open: () => AsyncIterable<T>, took: (item: T) => void): AsyncGenerator<T> {
    let waits = backoff()
    for (;;) {
      try {
        for await (const item of open()) {
          took(item)
          waits = backoff()
          yield item
        }
        return
      } catch (error) {
        await wait(waits, error, REPEATABLE)
      }
    }
  }

  const again = <T>(call: () => Promise<T>) => retried(REPEATABLE, call)
  return {
    head: (uri) => again(() => inner.head(uri)),
    get: (uri) => again(() => inner.get(uri)),
    read(uri, from, to, ifMatch) {
      let at = from
      return resumed(() => inner.read(uri, at, to, ifMatch), (piece) => {
        at += piece.length
      })
    },
    put: (uri, bytes, condition) => retried(WITHOUT_EFFECT, () => inner.put(uri, bytes, condition)),
    list(prefix) {
      let last: string | undefined
      return resumed(() => (last === undefined ? inner.list(prefix) : listedAfter(inner.list(prefix), last)), ({ uri }) => {
        last = uri
      })
    },
    remove: (uri) => again(() => inner.remove(uri)),
    beginUpload: (uri) => again(() => inner.beginUpload(uri)),
    uploadPart: (uri, uploadId, partNumber, bytes) => again(() => inner.uploadPart(uri, uploadId, partNumber, bytes)),
    copyPart: (uri, uploadId, partNumber, source) => again(() => inner.copyPart(uri, uploadId, partNumber, source)),
    completeUpload: (uri, uploadId, parts, condition) => retried(WITHOUT_EFFECT, () => inner.completeUpload(uri, uploadId, parts, condition)),
    listUploads: (uri) => again(() => inner.listUploads(uri)),
    listFolderUploads: (folder) => again(() => inner.listFolderUploads(folder)),
    abortUpload: (uri, uploadId) => again(() => inner.abortUpload(uri, uploadId)),
  }
}

/** The items of a listing whose URIs come after `uri`. */
async function* listedAfter(listing: AsyncIterable<ObjectInfo>, uri: string): AsyncGenerator<ObjectInfo> {
  const after = Buffer.from(uri)
  for await (const info of listing) if (Buffer.compare(Buffer.from(info.uri), after) > 0) yield info
}
