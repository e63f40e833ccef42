import type { Ledger } from '../../crds/generated/ledger.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'
import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import type { PlanShard } from '../../crds/generated/plan-shard.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { batchCost } from '../../crds/money.ts'
import { decodeWireSet, encodeWireSet } from '../../crds/wire-set.ts'
import { addTotals } from '../advance/claim.ts'
import { readLedger } from '../ledger/ledger-session.ts'
import type { Parts } from '../mode.ts'
import { PlanReader, type PlanRef } from '../plan/plan-object.ts'

/** A shard that is not done, with its ledger, if it has one. */
export interface OpenShard {
  readonly shard: PlanShard
  readonly ledger: Ledger | null
}

/** The state of all shards, from their ledgers. */
export interface Survey {
  readonly header: PlanHeader
  readonly open: readonly OpenShard[]
  /** The done shards, as an outcome reports them. */
  readonly report: Pick<Outcome, 'done' | 'doneChunks' | 'rows' | 'tokens' | 'cost'>
}

/**
 * Reads every shard's ledger. A shard is done when its ledger holds every chunk as committed. The report's counters are those of the shards in
 * its `done` set exactly, which may be a subset.
 */
export async function surveyShards(parts: Pick<Parts, 'ports'>, work: string, ref: PlanRef): Promise<Survey> {
  const { storage } = parts.ports
  const reader = await PlanReader.open(storage, ref)
  const header = await reader.header()
  const open: OpenShard[] = []
  const done: { readonly shard: PlanShard; readonly ledger: Ledger }[] = []
  for await (const shard of reader.allShards()) {
    const ledger = await readLedger(storage, `${work}ledgers/${shard.ledger}.json`)
    if (ledger !== null && IntervalSet.parse(ledger.chunks.committed).size === shard.chunks.length) done.push({ shard, ledger })
    else open.push({ shard, ledger })
  }
  return { header, open, report: reportOf(header, done) }
}

function reportOf(header: PlanHeader, done: readonly { readonly shard: PlanShard; readonly ledger: Ledger }[]): Survey['report'] {
  const wire = encodeWireSet(IntervalSet.of(done.map(({ shard }) => shard.shard)), 'subset')
  const kept = new Set(decodeWireSet(wire))
  const reported = done.filter(({ shard }) => kept.has(shard.shard))
  const totals = reported.reduce((sum, { ledger }) => addTotals(sum, ledger.totals), { succeeded: 0, failed: 0, inputTokens: 0, outputTokens: 0 })
  const tokens = { input: totals.inputTokens, output: totals.outputTokens }
  return {
    done: wire,
    doneChunks: reported.reduce((sum, { shard }) => sum + shard.chunks.length, 0),
    rows: { total: header.totals.rows, succeeded: totals.succeeded, failed: totals.failed },
    tokens,
    cost: batchCost(tokens, header.price),
  }
}
