import type { Ledger } from '../../crds/generated/ledger.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'
import type { PlanShard } from '../../crds/generated/plan-shard.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { batchCost } from '../../crds/money.ts'
import { decodeWireSet, encodeWireSet } from '../../crds/wire-set.ts'
import { ledgerUri, readLedger } from '../ledger/ledger-session.ts'
import { addTotals, NO_TOTALS, type Totals } from '../ledger/totals.ts'
import { PlanReader, type PlanRef } from '../plan/plan-object.ts'
import { mapAhead, REQUESTS_AHEAD } from '../storage/map-ahead.ts'
import type { Storage } from '../storage/storage.ts'

/** Longest text of each set of a survey's outcome, in characters: two of them, and 10,000 shards as a bitset, fit an outcome. */
export const SURVEY_SET_LIMIT = 1_700

/** What is reported of a done shard: memory is a few numbers for each. */
interface DoneShard {
  readonly shard: number
  readonly chunks: number
  readonly rows: number
  readonly totals: Totals
}

/** The done shards, as an outcome reports them. */
export type DoneReport = Required<Pick<Outcome, 'done' | 'doneChunks' | 'rows' | 'tokens' | 'cost'>>

/**
 * Reads every shard's ledger, a few at a time. A shard is done when its ledger holds every chunk as committed; `onOpen` sees the others. The
 * report's counters are those of the shards in its `done` set exactly, which may be a subset.
 */
export async function surveyShards(storage: Storage, work: string, ref: PlanRef, onOpen: (shard: PlanShard, ledger: Ledger | null) => void): Promise<DoneReport> {
  const reader = await PlanReader.open(storage, ref)
  const { price } = await reader.header()
  const done: DoneShard[] = []
  const shards = mapAhead(reader.allShards(), REQUESTS_AHEAD, async (shard) => ({ shard, ledger: await readLedger(storage, ledgerUri(work, shard.ledger)) }))
  for await (const { shard, ledger } of shards) {
    if (ledger === null || IntervalSet.parse(ledger.chunks.committed).size < shard.chunks.length) {
      onOpen(shard, ledger)
      continue
    }
    done.push({ shard: shard.shard, chunks: shard.chunks.length, rows: shard.chunks.reduce((sum, { from, to }) => sum + to - from, 0), totals: ledger.totals })
  }
  const wire = encodeWireSet(IntervalSet.of(done.map(({ shard }) => shard)), 'subset', SURVEY_SET_LIMIT)
  const kept = decodeWireSet(wire)
  const reported = done.filter(({ shard }) => kept.has(shard))
  const totals = reported.reduce((sum, shard) => addTotals(sum, shard.totals), NO_TOTALS)
  const tokens = { input: totals.inputTokens, output: totals.outputTokens }
  return {
    done: wire,
    doneChunks: reported.reduce((sum, { chunks }) => sum + chunks, 0),
    rows: { total: reported.reduce((sum, { rows }) => sum + rows, 0), succeeded: totals.succeeded, failed: totals.failed },
    tokens,
    cost: batchCost(tokens, price),
  }
}
