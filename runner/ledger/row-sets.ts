import type { BatchMembers, LedgerBatch, RowSet } from '../../crds/generated/ledger.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import type { Clock } from '../ports/clock.ts'
import { nonce, type Random } from '../ports/random.ts'
import { readRecorded, writeStreamed } from '../storage/durable-write.ts'
import type { Storage } from '../storage/storage.ts'

/** Longest interval string that stands in the ledger itself, in characters; bounds 200 batches to well under 256 KiB. */
const INLINE_LIMIT = 300

/** Rows that are on the same attempt. */
export interface AttemptRows {
  readonly attempt: number
  readonly retries: number
  readonly rows: IntervalSet
}

/** A batch of the ledger with its sets read. */
export interface ReadBatch {
  readonly batch: LedgerBatch
  readonly members: readonly AttemptRows[]
  readonly again: readonly AttemptRows[]
}

/** Reads and writes the row sets of a ledger: short ones inline, long ones as objects beside it. Objects read are kept while the shard is worked on: at most a few numbers for each of its rows. */
export class RowSets {
  readonly #ports: { readonly storage: Storage; readonly clock: Clock; readonly random: Random }
  /** Folder for set objects; ends in `/`. */
  readonly #folder: string
  readonly #known = new Map<string, IntervalSet>()

  constructor(ports: { readonly storage: Storage; readonly clock: Clock; readonly random: Random }, folder: string) {
    this.#ports = ports
    this.#folder = folder
  }

  async encode(groups: readonly AttemptRows[]): Promise<BatchMembers[]> {
    const members: BatchMembers[] = []
    for (const { attempt, retries, rows } of groups) members.push({ attempt, retries, set: await this.#encodeSet(rows) })
    return members
  }

  async decode(batch: LedgerBatch): Promise<ReadBatch> {
    return { batch, members: await this.#decodeAll(batch.members), again: await this.#decodeAll(batch.again ?? []) }
  }

  async #encodeSet(rows: IntervalSet): Promise<RowSet> {
    const text = rows.toString()
    if (text.length <= INLINE_LIMIT) return { rows: text }
    const { storage, clock, random } = this.#ports
    const object = await writeStreamed(storage, clock, `${this.#folder}${nonce(random)}.rows`, oneOf(Buffer.from(text, 'latin1')))
    this.#known.set(object.uri, rows)
    return { object }
  }

  async #decodeAll(members: readonly BatchMembers[]): Promise<AttemptRows[]> {
    const groups: AttemptRows[] = []
    for (const { attempt, retries, set } of members) groups.push({ attempt, retries, rows: await this.#decodeSet(set) })
    return groups
  }

  async #decodeSet(set: RowSet): Promise<IntervalSet> {
    if ('rows' in set) return IntervalSet.parse(set.rows)
    const known = this.#known.get(set.object.uri)
    if (known !== undefined) return known
    const rows = IntervalSet.parse(Buffer.from(await readRecorded(this.#ports.storage, set.object)).toString('latin1'))
    this.#known.set(set.object.uri, rows)
    return rows
  }
}

async function* oneOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes)
}
