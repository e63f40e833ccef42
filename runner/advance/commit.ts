import type { ChunkCommit } from '../../crds/generated/chunk.ts'
import { LlmbatchError } from '../../crds/errors.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import type { RowOutcome } from '../formats/output-assembler.ts'
import { finalRows, rowsOf } from '../ledger/attempts.ts'
import { commitChunk } from '../ledger/chunk-claim.ts'
import { partFolder } from '../ledger/ledger-folders.ts'
import type { ReadBatch } from '../ledger/row-sets.ts'
import { stillNeeded } from '../ledger/still-needed.ts'
import { addTotals, NO_TOTALS } from '../ledger/totals.ts'
import { writeStreamed } from '../storage/durable-write.ts'
import { readSegmentChunk, type SegmentRecord } from './segment.ts'
import { readBatches, type ShardContext } from './shard-context.ts'
import { rowsOfChunk, type ShardChunk } from './shard-rows.ts'

/**
 * Commits every claimed chunk whose rows all have a final outcome: the segments are merged into a part, the chunk's object names the part, the ledger
 * counts it. Batches that are no longer needed leave the ledger.
 */
export async function commitChunks(context: ShardContext): Promise<void> {
  const { session, rows } = context
  const batches = await readBatches(context)
  const final = finalRows(batches)
  const claimed = IntervalSet.parse(session.ledger.chunks.claimed)
  const ready = rows.chunks.filter((chunk) => claimed.has(chunk.index) && final.containsAll(rowsOfChunk(chunk)))
  if (ready.length === 0) return
  context.report({ activity: 'committing' })
  let { totals } = session.ledger
  // One footer at a time: chunks of a file follow one another.
  let footer: { readonly uri: string; readonly rowGroupRows: readonly number[] } | undefined
  for (const chunk of ready) {
    if (footer?.uri !== chunk.file.uri) footer = { uri: chunk.file.uri, rowGroupRows: (await context.source.inspect(chunk.file)).rowGroupRows }
    totals = addTotals(totals, (await commitOne(context, chunk, footer.rowGroupRows, batches)).totals)
  }
  const committed = IntervalSet.parse(session.ledger.chunks.committed).union(IntervalSet.of(ready.map((chunk) => chunk.index)))
  await session.write({
    totals,
    chunks: { claimed: claimed.subtract(committed).toString(), committed: committed.toString() },
    batches: stillNeeded(batches, rows.rowsOfChunks(committed)).map(({ batch }) => batch),
  })
}

async function commitOne(context: ShardContext, chunk: ShardChunk, rowGroupRows: readonly number[], batches: readonly ReadBatch[]): Promise<ChunkCommit> {
  const { storage, clock } = context.ports
  const { ledger } = context.session.ledger
  const totals = { ...NO_TOTALS }
  const outcomes = counted(finalOutcomes(context, chunk, batches), totals)
  const bytes = context.assembler.encodePart(rowGroupRows, chunk.from, chunk.to, outcomes)
  const part = await writeStreamed(storage, clock, `${partFolder(context.work, ledger)}${context.session.uniqueName()}.part`, bytes)
  return commitChunk(context.ports, context.work + chunk.key, ledger, { part, totals })
}

async function* counted(outcomes: AsyncIterable<RowOutcome>, totals: ChunkCommit['totals']): AsyncGenerator<RowOutcome> {
  for await (const outcome of outcomes) {
    if (outcome.response === null) totals.failed++
    else totals.succeeded++
    totals.inputTokens += outcome.promptTokens ?? 0
    totals.outputTokens += outcome.completionTokens ?? 0
    yield outcome
  }
}

/** The outcome of each row's last attempt, in row order: the segments that hold rows of the chunk are read side by side. */
async function* finalOutcomes(context: ShardContext, chunk: ShardChunk, batches: readonly ReadBatch[]): AsyncGenerator<RowOutcome> {
  const rows = rowsOfChunk(chunk)
  const readers = batches
    .filter(({ batch, members }) => batch.state === 'Harvested' && !rowsOf(members).intersect(rows).isEmpty)
    .flatMap(({ batch }) => (batch.segment === undefined ? [] : [readSegmentChunk(context.ports.storage, batch.segment, chunk.index)]))
  const heads = await Promise.all(readers.map((reader) => reader.next()))
  for (const row of rows) {
    let last: SegmentRecord | undefined
    for (const [i, reader] of readers.entries()) {
      const head = heads[i]
      if (head === undefined || head.done === true || head.value.row !== row) continue
      if (last === undefined || head.value.attempt > last.attempt) last = head.value
      heads[i] = await reader.next()
    }
    if (last === undefined) throw new LlmbatchError('InternalError', `no segment holds shard row ${row}, which counts as final`)
    yield outcomeOf(last)
  }
}

function outcomeOf({ failure, text, promptTokens, completionTokens }: SegmentRecord): RowOutcome {
  return failure === null
    ? { response: text, status: 'Succeeded', error: null, promptTokens, completionTokens }
    : { response: null, status: failure, error: text, promptTokens, completionTokens }
}
