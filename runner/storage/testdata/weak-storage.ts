import { MemoryStorage } from '../memory-storage.ts'
import { StorageError, type UploadedPart, type WriteCondition } from '../storage.ts'

/** One promise of the storage contract that a store breaks. */
export type Weakness =
  | 'IgnoresIfNoneMatch'
  | 'IgnoresIfMatch'
  | 'ChecksThenWrites'
  | 'RefusesAndReplaces'
  | 'RefusesAll'
  | 'ShowsOldVersions'
  | 'LosesReplaced'
  | 'HidesCompleted'
  | 'IgnoresIfNoneMatchOnComplete'
  | 'IgnoresIfMatchOnComplete'
  | 'RefusesIfMatchOnComplete'
  | 'IgnoresIfMatchOnCopy'
  | 'IgnoresIfMatchOnRead'
  | 'ShiftsRanges'

/** Memory storage that breaks one promise, as stores in the field do. */
export class WeakStorage extends MemoryStorage {
  readonly #weakness: Weakness
  /** What a get shows instead of the object. */
  readonly #former = new Map<string, { readonly etag: string; readonly bytes: Uint8Array } | null>()

  constructor(weakness: Weakness) {
    super()
    this.#weakness = weakness
  }

  override async put(uri: string, bytes: Uint8Array, condition: WriteCondition): Promise<string> {
    const isCreate = 'ifNoneMatch' in condition
    if (this.#weakness === (isCreate ? 'IgnoresIfNoneMatch' : 'IgnoresIfMatch')) return await super.put(uri, bytes, { unconditional: true })
    if (this.#weakness === 'ChecksThenWrites') {
      const current = await this.head(uri)
      if (isCreate ? current !== null : 'ifMatch' in condition && current?.etag !== condition.ifMatch) throw refused(uri)
      return await super.put(uri, bytes, { unconditional: true })
    }
    if (this.#weakness === 'RefusesAll') throw refused(uri)
    const former = await super.get(uri)
    try {
      const etag = await super.put(uri, bytes, condition)
      if (this.#weakness === 'ShowsOldVersions') this.#former.set(uri, former)
      if (this.#weakness === 'LosesReplaced' && !isCreate) await this.remove(uri)
      return etag
    } catch (error) {
      if (this.#weakness === 'RefusesAndReplaces') await super.put(uri, bytes, { unconditional: true })
      throw error
    }
  }

  override async get(uri: string): Promise<{ readonly etag: string; readonly bytes: Uint8Array } | null> {
    return this.#former.get(uri) ?? (await super.get(uri))
  }

  override async *read(uri: string, from: number, to: number, ifMatch: string): AsyncIterable<Uint8Array> {
    const shift = this.#weakness === 'ShiftsRanges' ? 1 : 0
    yield* super.read(uri, from + shift, to + shift, this.#weakness === 'IgnoresIfMatchOnRead' ? await this.#etagOf(uri) : ifMatch)
  }

  override async copyPart(uri: string, uploadId: string, partNumber: number, source: Parameters<MemoryStorage['copyPart']>[3]): Promise<UploadedPart> {
    const ifMatch = this.#weakness === 'IgnoresIfMatchOnCopy' ? await this.#etagOf(source.uri) : source.ifMatch
    return await super.copyPart(uri, uploadId, partNumber, { ...source, ifMatch })
  }

  override async completeUpload(uri: string, uploadId: string, parts: readonly UploadedPart[], condition: WriteCondition): Promise<string> {
    if (this.#weakness === 'RefusesIfMatchOnComplete' && 'ifMatch' in condition) throw refused(uri)
    if (this.#weakness === 'HidesCompleted') this.#former.set(uri, await super.get(uri))
    const isIgnored = this.#weakness === ('ifNoneMatch' in condition ? 'IgnoresIfNoneMatchOnComplete' : 'IgnoresIfMatchOnComplete')
    return await super.completeUpload(uri, uploadId, parts, isIgnored ? { unconditional: true } : condition)
  }

  async #etagOf(uri: string): Promise<string> {
    return (await this.head(uri))?.etag ?? ''
  }
}

function refused(uri: string): StorageError {
  return new StorageError('PreconditionFailed', uri, 'The condition does not hold')
}
