import { SeededRandom } from '../../../test/sim/seeded-random.ts'
import type { Clock } from '../../ports/clock.ts'
import { systemClock } from '../../ports/system-clock.ts'
import { MemoryStorage } from '../memory-storage.ts'
import type { OpenUpload, UploadedPart, WriteCondition } from '../storage.ts'
import { StorageFaultLayer, type StorageCall, type StorageFault } from './storage-fault-layer.ts'

/** What happens to one `put` or `completeUpload`. */
export type WriteFault = Exclude<StorageFault, 'Broken'>

/** Memory storage whose next calls meet the faults that a test queues; null lets one pass. */
export class FaultyStorage extends StorageFaultLayer {
  /** Faults of the next writes (`put` and `completeUpload`). */
  readonly faults: (WriteFault | null)[] = []
  /** Faults of writes of one object, which come before those of `faults`. */
  readonly faultsOf = new Map<string, (WriteFault | null)[]>()
  /** Faults of the next calls of any kind, which come before all others. */
  readonly faultsOfCalls = new Map<StorageCall, (StorageFault | null)[]>()
  /** Calls that were made, in order. */
  readonly calls: StorageCall[] = []
  /** URIs written, in order. */
  readonly writes: string[] = []
  /** Ranges read with `read`, in order. */
  readonly ranges: { readonly uri: string; readonly from: number; readonly to: number }[] = []
  /** What lies behind the faults. */
  readonly memory: MemoryStorage

  constructor(clock: Clock = systemClock, memory = new MemoryStorage()) {
    super(memory, { choose: (call, uri) => this.#next(call, uri), draws: new SeededRandom('faulty'), clock })
    this.memory = memory
  }

  override put(uri: string, bytes: Uint8Array, condition: WriteCondition): Promise<string> {
    this.writes.push(uri)
    return super.put(uri, bytes, condition)
  }

  override completeUpload(uri: string, uploadId: string, parts: readonly UploadedPart[], condition: WriteCondition): Promise<string> {
    this.writes.push(uri)
    return super.completeUpload(uri, uploadId, parts, condition)
  }

  override read(uri: string, from: number, to: number, ifMatch: string): AsyncIterable<Uint8Array> {
    this.ranges.push({ uri, from, to })
    return super.read(uri, from, to, ifMatch)
  }

  /** URIs and ids of the uploads that were neither completed nor aborted. */
  openUploads(): readonly OpenUpload[] {
    return this.memory.openUploads()
  }

  #next(call: StorageCall, uri: string): StorageFault | null {
    this.calls.push(call)
    const queues = call === 'put' || call === 'completeUpload' ? [this.faultsOfCalls.get(call), this.faultsOf.get(uri), this.faults] : [this.faultsOfCalls.get(call)]
    return queues.find((queue) => queue !== undefined && queue.length > 0)?.shift() ?? null
  }
}
