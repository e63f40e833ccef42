import type { Behaviour, SecondsRange } from './behaviour.ts'
import { executeBatch } from './batch-execution.ts'
import { endedAtMs, validatedAtMs } from './batch-timeline.ts'
import { missingInput, validateBatch } from './batch-validation.ts'
import { type BatchPlan, type BatchRecord, type BatchRequest, billName, type FileRecord, type LateCreateRecord, type StateRecord } from './records.ts'
import { fractionOf, hexOf } from './seeded-random.ts'
import type { SimulatorStore } from './store.ts'

/** Whether a file can be seen and used at a moment. */
export function isLive(file: FileRecord, at: number): boolean {
  return file.createdAtMs <= at && (file.deletedAtMs === null || file.deletedAtMs > at) && (file.expiresAtMs === null || file.expiresAtMs > at)
}

/**
 * The provider's files and batches, in memory over the store. Nothing happens by itself: settle(now) brings everything to
 * the state of that moment. What changes records runs inside exclusive().
 */
export class ProviderState {
  readonly files = new Map<string, FileRecord>()
  readonly batches = new Map<string, BatchRecord>()
  readonly lateCreates = new Map<string, LateCreateRecord>()
  readonly store: SimulatorStore
  readonly #behaviour: Behaviour
  /** Batches that settle() still has to look at. */
  readonly #openBatches = new Set<string>()
  /** Files whose bytes are kept. */
  readonly #stored = new Set<string>()
  #sequence = 0
  #batchCount = 0
  #loaded: Promise<void> | null = null
  #turn: Promise<unknown> = Promise.resolve()

  constructor(store: SimulatorStore, behaviour: Behaviour) {
    this.store = store
    this.#behaviour = behaviour
  }

  /** Reads the store, once. */
  load(): Promise<void> {
    this.#loaded ??= this.store.load().then((records) => {
      for (const record of records) this.#index(record)
    })
    return this.#loaded
  }

  /** Runs one action at a time, in the order of the calls. */
  exclusive<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action)
    // The caller gets the error; the next action must not.
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }

  /** A new id and its place in the order of creation. */
  nextId(prefix: string, digits: number): { readonly id: string; readonly sequence: number } {
    this.#sequence += 1
    const sequence = this.#sequence
    return { id: `${prefix}${hexOf(`${this.store.identity} ${this.#behaviour.seed} ${prefix} ${sequence}`, digits)}`, sequence }
  }

  /** Writes records durably, then shows them. */
  async put(...records: StateRecord[]): Promise<void> {
    await this.store.put(records)
    for (const record of records) this.#index(record)
  }

  /** Creates a batch as of `createdAtMs`. The caller has checked that its input file is there. */
  newBatch(request: BatchRequest, organization: string, createdAtMs: number): BatchRecord {
    const { id, sequence } = this.nextId('batch_', 32)
    return {
      kind: 'batch',
      id,
      sequence,
      organization,
      createdAtMs,
      ...request,
      plan: this.#planOf(id),
      cancelledAtMs: null,
      validation: null,
      result: null,
    }
  }

  /** Brings late creates, validations, ends of batches and expired files up to `now`. */
  async settle(now: number): Promise<void> {
    const late = [...this.lateCreates.values()].filter((each) => each.outcome === 'pending' && each.effectiveAtMs <= now)
    for (const each of late.sort((a, b) => a.effectiveAtMs - b.effectiveAtMs || a.sequence - b.sequence)) await this.#takeEffect(each)
    for (const id of this.#openBatches) await this.#advance(id, now)
    for (const id of this.#stored) await this.#freeContent(id, now)
  }

  async #takeEffect(late: LateCreateRecord): Promise<void> {
    const input = this.files.get(late.request.inputFileId)
    if (input === undefined || input.organization !== late.organization || input.purpose !== 'batch' || !isLive(input, late.effectiveAtMs)) {
      await this.put({ ...late, outcome: 'refused' })
      return
    }
    await this.put({ ...late, outcome: 'accepted' }, this.newBatch(late.request, late.organization, late.effectiveAtMs))
  }

  async #advance(id: string, now: number): Promise<void> {
    let batch = this.batches.get(id)
    if (batch === undefined) return
    const validatedAt = validatedAtMs(batch)
    if (batch.validation === null && endedAtMs(batch) === null && validatedAt <= now) {
      const input = this.files.get(batch.inputFileId)
      const validation =
        input === undefined || !isLive(input, validatedAt)
          ? missingInput(batch.inputFileId)
          : await validateBatch(batch, input.bytes, this.store.readContent(input.id))
      batch = { ...batch, validation }
      await this.put(batch)
    }
    const endedAt = endedAtMs(batch)
    if (endedAt === null || endedAt > now) return
    if (batch.validation?.valid === true && batch.result === null) {
      const end = await executeBatch(batch, this.store.readContent(batch.inputFileId), this.store)
      await this.put({ ...batch, result: end.result }, ...end.files)
    }
    this.#openBatches.delete(id)
  }

  /** Frees a file's bytes when it is gone for good and no open batch reads it. */
  async #freeContent(id: string, now: number): Promise<void> {
    const file = this.files.get(id)
    if (file === undefined || isLive(file, now) || file.createdAtMs > now) return
    for (const batchId of this.#openBatches) if (this.batches.get(batchId)?.inputFileId === id) return
    await this.store.removeContent(id)
    this.#stored.delete(id)
  }

  /** Bills of the batches that have ended, in order of creation. */
  async *bill(): AsyncGenerator<Uint8Array> {
    const ended = [...this.batches.values()].filter((batch) => batch.result !== null)
    for (const batch of ended) yield* this.store.readContent(billName(batch.id))
  }

  #index(record: StateRecord): void {
    this.#sequence = Math.max(this.#sequence, record.sequence)
    switch (record.kind) {
      case 'file':
        if (!this.files.has(record.id)) this.#stored.add(record.id)
        this.files.set(record.id, record)
        return
      case 'batch':
        if (!this.batches.has(record.id)) {
          this.#batchCount += 1
          this.#openBatches.add(record.id)
        }
        this.batches.set(record.id, record)
        return
      case 'lateCreate':
        this.lateCreates.set(record.id, record)
    }
  }

  #planOf(batchId: string): BatchPlan {
    const behaviour = this.#behaviour
    const draw = (range: SecondsRange, what: string): number => {
      const [least, most] = typeof range === 'number' ? [range, range] : range
      return Math.round((least + (most - least) * fractionOf(`${behaviour.seed} ${batchId} ${what}`)) * 1000)
    }
    const isLucky = behaviour.unluckyBatches !== null && this.#batchCount >= behaviour.unluckyBatches
    return {
      validatingMs: draw(behaviour.validatingSeconds, 'validating'),
      inProgressMs: draw(behaviour.inProgressSeconds, 'in_progress'),
      finalizingMs: draw(behaviour.finalizingSeconds, 'finalizing'),
      cancellingMs: draw(behaviour.cancellingSeconds, 'cancelling'),
      windowMs: Math.round(behaviour.windowSeconds * 1000),
      outputFileLagMs: Math.round(behaviour.outputFileLagSeconds * 1000),
      rows: isLucky ? { expired: 0, serverError: 0, invalidRequest: 0, refused: 0, truncated: 0 } : behaviour.rows,
      seed: behaviour.seed,
    }
  }
}
