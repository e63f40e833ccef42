import { LlmbatchError } from '../../crds/errors.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'
import { batchCost } from '../../crds/money.ts'
import { shardOf } from '../../crds/runner-environment.ts'
import { pollTime, type Parts, type RunMode } from '../mode.ts'
import { PlanReader } from '../plan/plan-object.ts'
import { advanceLedger, type Advanced, type PlannedShard } from './advance-ledger.ts'
import type { Waiting } from './advance-shard.ts'
import { helpLedgers } from './help.ts'

/**
 * Advances one shard as far as it can go now: claims its chunks, settles what an earlier runner left open, harvests batches that ended, commits
 * chunks, submits what may be sent. Chunks that another packing's ledger has claimed are advanced there. Ends `done` when every chunk is committed,
 * else `waiting` with the time of the next look.
 */
export const advance: RunMode = async (parts, input) => {
  if (input.plan === undefined) throw new LlmbatchError('InternalError', 'advance needs LLMBATCH_PLAN')
  const reader = await PlanReader.open(parts.ports.storage, input.plan)
  const planned: PlannedShard = { plan: input.plan, header: await reader.header(), shard: await reader.shard(shardOf(input)) }
  for (;;) {
    const advanced = await advanceLedger(parts, input.spec, planned)
    const elsewhere = advanced.waiting?.elsewhere ?? []
    if (elsewhere.length === 0) return outcomeOf(parts, planned, advanced)
    const helped = await helpLedgers(parts, input.spec, planned.header, elsewhere)
    if (!helped.done) return outcomeOf(parts, planned, { ...advanced, waiting: helped.waiting ?? advanced.waiting })
  }
}

function outcomeOf(parts: Parts, { header, shard }: PlannedShard, { ledger, waiting }: Advanced): Outcome {
  const outcome: Outcome = { schemaVersion: 1, mode: 'advance', result: waiting === null ? 'done' : 'waiting', shard: shard.shard, ...waitingFields(parts, waiting) }
  if (ledger === null) return outcome
  const { totals, chunks, epoch, seq } = ledger
  const tokens = { input: totals.inputTokens, output: totals.outputTokens }
  const total = shard.chunks.reduce((sum, { from, to }) => sum + to - from, 0)
  return {
    ...outcome,
    chunks: chunks.committed,
    rows: { total, succeeded: totals.succeeded, failed: totals.failed },
    tokens,
    cost: batchCost(tokens, header.price),
    epoch,
    seq,
  }
}

function waitingFields(parts: Parts, waiting: Waiting | null): Pick<Outcome, 'reason' | 'message' | 'nextPollTime'> {
  if (waiting === null) return {}
  return { reason: waiting.reason, message: waiting.message.slice(0, 1024), nextPollTime: pollTime(parts, waiting.seconds) }
}
