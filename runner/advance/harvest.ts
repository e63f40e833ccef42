import type { LedgerBatch, ObjectRef } from '../../crds/generated/ledger.ts'
import { LlmbatchError } from '../../crds/errors.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { rowsOf } from '../ledger/attempts.ts'
import { segmentFolder } from '../ledger/ledger-folders.ts'
import type { AttemptRows, ReadBatch } from '../ledger/row-sets.ts'
import type { ScratchFile } from '../ports/scratch.ts'
import type { BatchState } from '../provider/batch-provider.ts'
import { mayRetry, type FailureClass, type RequestOutcome } from '../provider/failure-class.ts'
import { writeStreamed } from '../storage/durable-write.ts'
import { RowRanks } from './row-ranks.ts'
import { encodeRecord, encodeSegmentIndex, type SegmentRecord } from './segment.ts'
import { writeBatch, type ShardContext } from './shard-context.ts'

type EndedState = Extract<BatchState, { kind: 'Ended' }>

/** Answers on scratch up to this size are read into memory at once rather than one by one, in bytes. */
const WHOLE_LIMIT = 16 * 1024 * 1024
/** How often an ended batch that shows fewer lines than it counts is left for the next look, before what is there is taken. */
const SHORT_LOOKS = 3

/**
 * Takes in an ended batch: its answers, which come in any order, go to scratch disk with an offset index (12 bytes a row), then in row
 * order into an immutable segment, which the ledger names last. Rows that may be sent again are recorded with it. When the provider shows less
 * than there must be, the batch is left as it is for now: its files can lag behind.
 */
export async function harvestBatch(context: ShardContext, { batch, members }: ReadBatch, state: EndedState): Promise<void> {
  context.report({ activity: 'harvesting' })
  const rows = rowsOf(members)
  const answers = new ScratchAnswers(await context.ports.scratch.create(), new RowRanks(rows))
  try {
    const found = await download(context, batch, members, state, answers)
    const short = state.files.length === 0 || (state.lines !== null && found < state.lines)
    const looks = batch.shortLooks ?? 0
    if (short && looks < SHORT_LOOKS) {
      context.ports.log('ResultsIncomplete', { batch: batch.batchId ?? '', found, counted: state.lines ?? -1 })
      await writeBatch(context, { ...batch, shortLooks: looks + 1 })
      return
    }
    const again = new Map<string, { group: AttemptRows; rows: number[] }>()
    const segment = await writeStreamed(
      context.ports.storage,
      context.ports.clock,
      `${segmentFolder(context.work, context.session.ledger.ledger)}${context.session.uniqueName()}.jsonl`,
      segmentBytes(context, members, rows, state.unanswered, answers, again),
    )
    await recordSegment(context, batch, segment, [...again.values()].map(({ group, rows: list }) => ({ ...group, rows: IntervalSet.of(list) })))
  } finally {
    await answers.file.remove()
  }
}

async function recordSegment(context: ShardContext, batch: LedgerBatch, segment: ObjectRef, again: readonly AttemptRows[]): Promise<void> {
  const sets = await context.sets.encode(again)
  await writeBatch(context, { ...batch, state: 'Harvested', segment, ...(sets.length === 0 ? {} : { again: sets }) })
}

/** Outcomes on scratch, found by the rank of their row. */
class ScratchAnswers {
  readonly file: ScratchFile
  readonly #ranks: RowRanks
  readonly #offsets: Float64Array
  readonly #lengths: Uint32Array
  #whole: Uint8Array | undefined

  constructor(file: ScratchFile, ranks: RowRanks) {
    this.file = file
    this.#ranks = ranks
    this.#offsets = new Float64Array(ranks.size)
    this.#lengths = new Uint32Array(ranks.size)
  }

  /** Keeps the row's first outcome; returns false when there is one already. */
  async add(record: SegmentRecord): Promise<boolean> {
    const rank = this.#ranks.rankOf(record.row)
    if ((this.#lengths[rank] ?? 0) > 0) return false
    const bytes = encodeRecord(record)
    this.#offsets[rank] = this.file.size
    this.#lengths[rank] = bytes.length
    await this.file.append(bytes)
    return true
  }

  /** The row's record as its segment line; null when there is none. */
  async lineOf(row: number): Promise<Uint8Array | null> {
    const rank = this.#ranks.rankOf(row)
    const from = this.#offsets[rank] ?? 0
    const length = this.#lengths[rank] ?? 0
    if (length === 0) return null
    if (this.file.size > WHOLE_LIMIT) return this.file.read(from, from + length)
    this.#whole ??= await this.file.read(0, this.file.size)
    return this.#whole.subarray(from, from + length)
  }
}

/** Returns how many rows have a line. */
async function download(context: ShardContext, batch: LedgerBatch, members: readonly AttemptRows[], state: EndedState, answers: ScratchAnswers): Promise<number> {
  let found = 0
  let unknown = 0
  let repeated = 0
  for (const file of state.files) {
    for await (const outcome of context.provider.outcomes(file)) {
      const record = recordOf(context, members, outcome)
      if (record === null) unknown++
      else if (await answers.add(record)) found++
      else repeated++
    }
  }
  if (unknown > 0 || repeated > 0) context.ports.log('UnexpectedResults', { batch: batch.batchId ?? '', unknown, repeated })
  return found
}

/** The member that an outcome is of; null when it is none of this batch's. */
function recordOf(context: ShardContext, members: readonly AttemptRows[], outcome: RequestOutcome): SegmentRecord | null {
  const place = context.rows.readCustomId(outcome.customId)
  if (place === null || !members.some((group) => group.attempt === place.attempt && group.rows.has(place.row))) return null
  const { failure, text, promptTokens, completionTokens } = outcome
  return { ...place, failure, text, promptTokens, completionTokens }
}

const UNANSWERED_WORDS: Readonly<Record<EndedState['unanswered'], string>> = {
  Missing: 'the batch completed without a result for this row',
  Expired: 'the batch expired before this row was processed',
  Cancelled: 'the batch was cancelled before this row was processed',
}

/** The segment's bytes; fills `again` with the rows that may be sent again, by their group. */
async function* segmentBytes(
  context: ShardContext,
  members: readonly AttemptRows[],
  rows: IntervalSet,
  unanswered: EndedState['unanswered'],
  answers: ScratchAnswers,
  again: Map<string, { group: AttemptRows; rows: number[] }>,
): AsyncGenerator<Uint8Array> {
  const places = new Map<number, readonly [number, number]>()
  let offset = 0
  for (const { chunk, from, to } of context.rows.pieces(rows)) {
    const start = places.get(chunk.index)?.[0] ?? offset
    for (let row = from; row < to; row++) {
      const group = members.find((candidate) => candidate.rows.has(row))
      if (group === undefined) throw new LlmbatchError('InternalError', `row ${row} is in no group of its batch`)
      const line = (await answers.lineOf(row)) ?? encodeRecord(unansweredRecord(row, group.attempt, unanswered))
      const failure = failureIn(line)
      if (failure !== null && mayRetry(failure, group.retries)) {
        const key = `${group.attempt}/${group.retries}`
        const noted = again.get(key) ?? { group, rows: [] }
        noted.rows.push(row)
        again.set(key, noted)
      }
      offset += line.length
      yield line
    }
    places.set(chunk.index, [start, offset])
  }
  yield encodeSegmentIndex(places)
}

function unansweredRecord(row: number, attempt: number, failure: EndedState['unanswered']): SegmentRecord {
  return { row, attempt, failure, text: UNANSWERED_WORDS[failure], promptTokens: null, completionTokens: null }
}

/** Only failed rows are parsed again: their line says so within its first bytes. */
function failureIn(line: Uint8Array): FailureClass | null {
  const head = Buffer.from(line.buffer, line.byteOffset, Math.min(line.length, 96)).toString('latin1')
  return head.includes('"failure":null,') ? null : (JSON.parse(Buffer.from(line).toString('utf8')) as SegmentRecord).failure
}
