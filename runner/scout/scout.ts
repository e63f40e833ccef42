import { LlmbatchError } from '../../crds/errors.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { encodeWireSet } from '../../crds/wire-set.ts'
import { workUri } from '../../crds/work-uri.ts'
import { pollTime, type RunMode } from '../mode.ts'
import type { ProviderBatch } from '../provider/batch-provider.ts'
import { surveyShards, type OpenShard } from './survey.ts'

/** A scout stays while the next look is at most this far away, seconds: memory quota is not held for longer waits. */
const STAY_SECONDS = 60
/** Most looks of one scout, which bounds its stay. */
const LOOKS_MOST = 120

/**
 * Says which shards are worth a runner: one listing serves them all, never one request a batch. Ends when some are, when all are done, or when the
 * next look is over a minute away.
 */
export const scout: RunMode = async (parts, input) => {
  if (input.plan === undefined) throw new LlmbatchError('InternalError', 'scout needs LLMBATCH_PLAN')
  const { clock } = parts.ports
  for (let look = 1; ; look++) {
    parts.report({ mode: 'scout', activity: 'looking at batches' })
    const { open, report } = await surveyShards(parts, workUri(input.spec), input.plan)
    if (open.length === 0) return { schemaVersion: 1, mode: 'scout', result: 'done', ...report }
    const ids = new Set(open.flatMap(({ ledger }) => ledger?.batches ?? []).flatMap((batch) => (batch.state === 'Created' ? [batch.batchId ?? ''] : [])))
    const listed = ids.size === 0 ? [] : await parts.provider.list(0)
    const byId = new Map(listed.filter((batch) => ids.has(batch.id)).map((batch) => [batch.id, batch]))
    const wake = IntervalSet.of(open.filter((shard) => worthWaking(shard, byId)).map(({ shard }) => shard.shard))
    if (!wake.isEmpty || parts.limits.pollSeconds > STAY_SECONDS || look === LOOKS_MOST) {
      return { schemaVersion: 1, mode: 'scout', result: 'waiting', ...report, wake: encodeWireSet(wake, 'superset'), nextPollTime: pollTime(parts, wake.isEmpty ? parts.limits.pollSeconds : 0) }
    }
    await clock.sleep(parts.limits.pollSeconds * 1000)
  }
}

/**
 * A shard is worth a runner unless all its chunks are claimed and all its batches are known to run. A batch that the listing does not show is
 * looked at by the runner: a listing may lag.
 */
export function worthWaking({ shard, ledger }: OpenShard, listed: ReadonlyMap<string, ProviderBatch>): boolean {
  if (ledger === null || ledger.batches.length === 0) return true
  const known = IntervalSet.parse(ledger.chunks.claimed).union(IntervalSet.parse(ledger.chunks.committed))
  if (known.size < shard.chunks.length) return true
  return ledger.batches.some((batch) => {
    switch (batch.state) {
      case 'Created':
        return listed.get(batch.batchId ?? '')?.state.kind !== 'Open'
      case 'Intended':
      case 'Uploaded':
        return true
      case 'Harvested':
      case 'Void':
        // Rows of these may be waiting to be sent; only the runner reads the sets that say so.
        return !ledger.batches.some((other) => other.state === 'Created')
    }
  })
}
