import type { SeededRandom } from '../../../test/sim/seeded-random.ts'
import type { Clock } from '../../ports/clock.ts'
import { StorageError, type ObjectInfo, type OpenUpload, type Storage, type UploadedPart, type WriteCondition } from '../storage.ts'

/**
 * What happens to one call.
 * - Slow: its answer takes a while.
 * - Unavailable: refused without effect (500).
 * - SlowDown: refused without effect, because there are too many (503).
 * - LostUnclear: it never arrives, and nobody says so.
 * - AppliedUnclear: it takes effect, and its answer is lost.
 * - LateUnclear: the connection breaks now; the write arrives seconds later and is then judged by its condition.
 * - SentTwice: its answer is lost on the way, and a proxy sends it again: the answer is the second one's.
 * - Conflict: refused because another write of the object is under way (409).
 * - Broken: the connection is reset in the middle of a body or a listing.
 */
export type StorageFault = 'Slow' | 'Unavailable' | 'SlowDown' | 'LostUnclear' | 'AppliedUnclear' | 'LateUnclear' | 'SentTwice' | 'Conflict' | 'Broken'

const READING = ['Slow', 'Unavailable', 'SlowDown', 'LostUnclear'] as const
const STREAMING = [...READING, 'Broken'] as const
const CHANGING = [...READING, 'AppliedUnclear'] as const
const CONDITIONAL = [...CHANGING, 'LateUnclear', 'SentTwice', 'Conflict'] as const

/** The faults that each call can meet. */
export const FAULTS_OF_CALLS = {
  head: READING,
  get: READING,
  read: STREAMING,
  list: STREAMING,
  put: CONDITIONAL,
  remove: CHANGING,
  beginUpload: CHANGING,
  uploadPart: CHANGING,
  copyPart: CHANGING,
  completeUpload: CONDITIONAL,
  listUploads: READING,
  listFolderUploads: READING,
  abortUpload: CHANGING,
} as const satisfies Record<keyof Storage, readonly StorageFault[]>

export type StorageCall = keyof Storage

/** Decides what each call meets; null lets it pass. */
export type FaultChoice = (call: StorageCall, uri: string) => StorageFault | null

/** Faults of `rate` of all calls (0 to 1), of the given kinds as far as a call can meet them; all are equally frequent. */
export function randomFaults(draws: SeededRandom, rate: number, kinds?: readonly StorageFault[]): FaultChoice {
  return (call) => {
    if (draws.next() >= rate) return null
    const possible = FAULTS_OF_CALLS[call].filter((kind) => kinds === undefined || kinds.includes(kind))
    return possible[draws.integer(0, possible.length - 1)] ?? null
  }
}

/** Longest that a Slow call waits, milliseconds. */
const SLOW_MOST = 2_000
/** Longest after its client has given it up that a late write arrives, milliseconds. */
const LATE_MOST = 20_000
/** Most items of a listing before it breaks; a shorter one breaks at its end. */
const LISTED_MOST = 12

/** Where the faults of a layer come from, and who is told of them. */
export interface FaultLayerParts {
  readonly choose: FaultChoice
  /** Draws how long and how far. */
  readonly draws: SeededRandom
  /** The clock by which late writes arrive. */
  readonly clock: Clock
  readonly onFault?: (fault: StorageFault, call: StorageCall, uri: string) => void
}

/** A store that fails as stores and networks do, in front of any other. */
export class StorageFaultLayer implements Storage {
  readonly #inner: Storage
  readonly #parts: FaultLayerParts
  readonly #counts = new Map<StorageFault, number>()
  readonly #late: Promise<void>[] = []
  #lateEffects = 0

  constructor(inner: Storage, parts: FaultLayerParts) {
    this.#inner = inner
    this.#parts = parts
  }

  /** How often each fault has happened. */
  get counts(): ReadonlyMap<StorageFault, number> {
    return this.#counts
  }

  /** How many late writes took effect. */
  get lateEffects(): number {
    return this.#lateEffects
  }

  /** Waits until every late write has arrived. */
  async settled(): Promise<void> {
    await Promise.all(this.#late)
  }

  head(uri: string): Promise<ObjectInfo | null> {
    return this.#call('head', uri, () => this.#inner.head(uri))
  }

  get(uri: string): Promise<{ readonly etag: string; readonly bytes: Uint8Array } | null> {
    return this.#call('get', uri, () => this.#inner.get(uri))
  }

  async *read(uri: string, from: number, to: number, ifMatch: string): AsyncIterable<Uint8Array> {
    const fault = this.#parts.choose('read', uri)
    if (fault !== 'Broken') {
      await this.#suffer(fault, 'read', uri, () => Promise.resolve())
      yield* this.#inner.read(uri, from, to, ifMatch)
      return
    }
    const end = this.#parts.draws.integer(from, Math.max(from, to - 1))
    let at = from
    for await (const piece of this.#inner.read(uri, from, to, ifMatch)) {
      const rest = end - at
      if (rest > 0) yield piece.subarray(0, rest)
      at += piece.length
      if (at >= end) break
    }
    throw this.#broken('read', uri)
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    const fault = this.#parts.choose('list', prefix)
    if (fault !== 'Broken') {
      await this.#suffer(fault, 'list', prefix, () => Promise.resolve())
      yield* this.#inner.list(prefix)
      return
    }
    let left = this.#parts.draws.integer(0, LISTED_MOST)
    for await (const info of this.#inner.list(prefix)) {
      if (left === 0) break
      left -= 1
      yield info
    }
    throw this.#broken('list', prefix)
  }

  put(uri: string, bytes: Uint8Array, condition: WriteCondition): Promise<string> {
    // A write that arrives late brings the bytes that were given now.
    const copy = new Uint8Array(bytes)
    return this.#call('put', uri, () => this.#inner.put(uri, copy, condition))
  }

  remove(uri: string): Promise<void> {
    return this.#call('remove', uri, () => this.#inner.remove(uri))
  }

  beginUpload(uri: string): Promise<string> {
    return this.#call('beginUpload', uri, () => this.#inner.beginUpload(uri))
  }

  uploadPart(uri: string, uploadId: string, partNumber: number, bytes: Uint8Array): Promise<UploadedPart> {
    return this.#call('uploadPart', uri, () => this.#inner.uploadPart(uri, uploadId, partNumber, bytes))
  }

  copyPart(uri: string, uploadId: string, partNumber: number, source: Parameters<Storage['copyPart']>[3]): Promise<UploadedPart> {
    return this.#call('copyPart', uri, () => this.#inner.copyPart(uri, uploadId, partNumber, source))
  }

  completeUpload(uri: string, uploadId: string, parts: readonly UploadedPart[], condition: WriteCondition): Promise<string> {
    return this.#call('completeUpload', uri, () => this.#inner.completeUpload(uri, uploadId, parts, condition))
  }

  listUploads(uri: string): Promise<readonly string[]> {
    return this.#call('listUploads', uri, () => this.#inner.listUploads(uri))
  }

  listFolderUploads(folder: string): Promise<readonly OpenUpload[]> {
    return this.#call('listFolderUploads', folder, () => this.#inner.listFolderUploads(folder))
  }

  abortUpload(uri: string, uploadId: string): Promise<void> {
    return this.#call('abortUpload', uri, () => this.#inner.abortUpload(uri, uploadId))
  }

  #call<T>(call: StorageCall, uri: string, act: () => Promise<T>): Promise<T> {
    return this.#suffer(this.#parts.choose(call, uri), call, uri, act)
  }

  async #suffer<T>(fault: StorageFault | null, call: StorageCall, uri: string, act: () => Promise<T>): Promise<T> {
    if (fault === null) return act()
    if (fault === 'Broken') throw this.#broken(call, uri)
    this.#note(fault, call, uri)
    switch (fault) {
      case 'Slow':
        await this.#parts.clock.sleep(this.#parts.draws.integer(1, SLOW_MOST))
        return act()
      case 'Unavailable':
        throw new StorageError('Unavailable', uri, 'The store answered 500')
      case 'SlowDown':
        throw new StorageError('Unavailable', uri, 'The store answered 503 SlowDown')
      case 'LostUnclear':
        throw new StorageError('Unclear', uri, 'The connection was reset')
      case 'AppliedUnclear':
        // Whatever the answer is, it is lost.
        await Promise.allSettled([act()])
        throw new StorageError('Unclear', uri, 'The answer was lost')
      case 'LateUnclear':
        this.#late.push(this.#arriveLate(act))
        throw new StorageError('Unclear', uri, 'The request timed out')
      case 'SentTwice':
        await Promise.allSettled([act()])
        return act()
      case 'Conflict':
        throw new StorageError('PreconditionFailed', uri, 'Another write of the object is under way')
    }
  }

  async #arriveLate<T>(act: () => Promise<T>): Promise<void> {
    // As often within a tenth of a second, before the client has looked, as in the tens of seconds, when it has long gone on.
    await this.#parts.clock.sleep(LATE_MOST ** this.#parts.draws.next())
    const [answer] = await Promise.allSettled([act()])
    if (answer.status === 'fulfilled') this.#lateEffects += 1
  }

  #broken(call: StorageCall, uri: string): StorageError {
    this.#note('Broken', call, uri)
    return new StorageError('Unclear', uri, 'The connection was reset in the middle of the answer')
  }

  #note(fault: StorageFault, call: StorageCall, uri: string): void {
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1)
    this.#parts.onFault?.(fault, call, uri)
  }
}
