import { MemoryStorage } from '../memory-storage.ts'
import { StorageError, type UploadedPart, type WriteCondition } from '../storage.ts'

/**
 * What happens to one write.
 * - AppliedUnclear: it takes effect, and its answer is lost.
 * - LostUnclear: it never arrives, and nobody says so.
 * - Conflict: refused because another write of the object is under way (S3's 409).
 * - Unavailable: refused, without effect.
 */
export type WriteFault = 'AppliedUnclear' | 'LostUnclear' | 'Conflict' | 'Unavailable'

/** Memory storage whose next writes (`put` and `completeUpload`) meet the faults queued in `faults`; null lets one pass. */
export class FaultyStorage extends MemoryStorage {
  readonly faults: (WriteFault | null)[] = []
  /** Faults of writes of one object, which come before those of `faults`. */
  readonly faultsOf = new Map<string, (WriteFault | null)[]>()
  /** URIs written, in order. */
  readonly writes: string[] = []
  /** Ranges read with `read`, in order. */
  readonly ranges: { readonly uri: string; readonly from: number; readonly to: number }[] = []

  override async put(uri: string, bytes: Uint8Array, condition: WriteCondition): Promise<string> {
    return this.#suffer(uri, () => super.put(uri, bytes, condition))
  }

  override async completeUpload(uri: string, uploadId: string, parts: readonly UploadedPart[], condition: WriteCondition): Promise<string> {
    return this.#suffer(uri, () => super.completeUpload(uri, uploadId, parts, condition))
  }

  override read(uri: string, from: number, to: number, ifMatch: string): AsyncIterable<Uint8Array> {
    this.ranges.push({ uri, from, to })
    return super.read(uri, from, to, ifMatch)
  }

  async #suffer(uri: string, write: () => Promise<string>): Promise<string> {
    this.writes.push(uri)
    const own = this.faultsOf.get(uri)
    const fault = (own !== undefined && own.length > 0 ? own : this.faults).shift() ?? null
    switch (fault) {
      case null:
        return write()
      case 'AppliedUnclear':
        await write()
        throw new StorageError('Unclear', uri, 'The answer was lost')
      case 'LostUnclear':
        throw new StorageError('Unclear', uri, 'The connection was reset')
      case 'Conflict':
        throw new StorageError('PreconditionFailed', uri, 'Another write of the object is under way')
      case 'Unavailable':
        throw new StorageError('Unavailable', uri, 'No space left on device')
    }
  }
}
