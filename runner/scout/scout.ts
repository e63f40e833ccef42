import { LlmbatchError } from '../../crds/errors.ts'
import type { Ledger } from '../../crds/generated/ledger.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'
import type { PlanShard } from '../../crds/generated/plan-shard.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { encodeWireSet } from '../../crds/wire-set.ts'
import { workUri } from '../../crds/work-uri.ts'
import { pollTime, type Parts, type RunMode } from '../mode.ts'
import { CLOCK_MARGIN, type ProviderBatch } from '../provider/batch-provider.ts'
import { SURVEY_SET_LIMIT, surveyShards } from './survey.ts'

/** A scout stays while the next look is at most this far away, seconds: memory quota is not held for longer waits. */
const STAY_SECONDS = 60
/** Most looks of one scout, which bounds its stay. */
const LOOKS_MOST = 120

/** A shard all of whose batches may still run. Memory: its batches' ids. */
interface AsleepShard {
  readonly shard: number
  readonly batches: readonly string[]
  /** When the oldest of them was uploaded, seconds by the provider's clock. */
  readonly since: number
}

/**
 * Says which shards are worth a runner: one listing serves them all, never one request a batch. Ends when some are, when all are done, or when the
 * next look is over a minute away.
 */
export const scout: RunMode = async (parts, input) => {
  if (input.plan === undefined) throw new LlmbatchError('InternalError', 'scout needs LLMBATCH_PLAN')
  const { clock, storage } = parts.ports
  const { pollSeconds } = parts.limits
  for (let look = 1; ; look++) {
    parts.report({ mode: 'scout', activity: 'looking at batches' })
    const asleep: AsleepShard[] = []
    const awake: number[] = []
    const report = await surveyShards(storage, workUri(input.spec), input.plan, (shard, ledger) => {
      const sleeping = asleepShard(shard, ledger)
      if (sleeping === null) awake.push(shard.shard)
      else asleep.push(sleeping)
    })
    if (asleep.length === 0 && awake.length === 0) return { schemaVersion: 1, mode: 'scout', result: 'done', ...report }
    const looked = await lookAtBatches(parts, asleep)
    const wake = IntervalSet.of([...awake, ...looked.ended])
    const stays = wake.isEmpty && pollSeconds <= STAY_SECONDS && look < LOOKS_MOST
    if (!stays) {
      const outcome: Outcome = { schemaVersion: 1, mode: 'scout', result: 'waiting', ...report, wake: encodeWireSet(wake, 'superset', SURVEY_SET_LIMIT), nextPollTime: pollTime(parts, pollSeconds) }
      return looked.trouble === null ? outcome : { ...outcome, reason: 'ProviderUnavailable', message: looked.trouble }
    }
    await clock.sleep(pollSeconds * 1000)
  }
}

/** Shards with a batch that is not known to run. When the provider does not answer, none is: what runs there runs on. */
async function lookAtBatches(parts: Parts, asleep: readonly AsleepShard[]): Promise<{ readonly ended: readonly number[]; readonly trouble: string | null }> {
  if (asleep.length === 0) return { ended: [], trouble: null }
  let listed: readonly ProviderBatch[]
  try {
    listed = await parts.provider.list(Math.min(...asleep.map(({ since }) => since)) - CLOCK_MARGIN)
  } catch (error) {
    if (!(error instanceof LlmbatchError) || error.code !== 'ProviderUnavailable') throw error
    return { ended: [], trouble: error.message }
  }
  // A batch that the listing does not show is looked at by the runner: a listing may lag.
  const running = new Set(listed.flatMap((batch) => (batch.state.kind === 'Open' ? [batch.id] : [])))
  return { ended: asleep.filter(({ batches }) => batches.some((id) => !running.has(id))).map(({ shard }) => shard), trouble: null }
}

/** The shard as one that may sleep on; null when there is something to do that does not hang on its open batches. */
export function asleepShard(shard: PlanShard, ledger: Ledger | null): AsleepShard | null {
  if (ledger === null) return null
  const known = IntervalSet.parse(ledger.chunks.claimed).union(IntervalSet.parse(ledger.chunks.committed))
  const created = ledger.batches.filter((batch) => batch.state === 'Created')
  const undecided = ledger.batches.some((batch) => batch.state === 'Intended' || batch.state === 'Uploaded')
  if (known.size < shard.chunks.length || undecided || created.length === 0) return null
  return { shard: shard.shard, batches: created.map((batch) => batch.batchId ?? ''), since: Math.min(...created.map((batch) => batch.file?.createdAt ?? 0)) }
}
