import type { Evidence } from './evidence.ts'
import { allShards, type JobState } from './job-state.ts'

/** Longest list of failed shards in a message, in characters. */
const LIST_LENGTH = 80

/** Policy: when every shard is completed or failed and none is at work, a job with failed shards has failed. */
export function conclude(state: JobState, evidence: Evidence): JobState {
  if (state.end !== undefined || state.plan === undefined || state.failed.isEmpty) return state
  const open = allShards(state).subtract(state.completed).subtract(state.failed)
  if (!open.isEmpty || !evidence.busy.isEmpty) return state
  const first = state.failures
    .filter(({ shard }) => shard !== undefined && state.failed.has(shard))
    .sort((a, b) => (a.shard ?? 0) - (b.shard ?? 0))
    .at(0)
  const list = state.failed.toString()
  const shards = list.length > LIST_LENGTH ? `${list.slice(0, list.lastIndexOf(',', LIST_LENGTH))},…` : list
  const message = `${state.failed.size} of ${state.plan.shards} shards failed (${shards})`
  return {
    ...state,
    end: { type: 'Failed', reason: first?.reason ?? 'RunnerFailed', message: first === undefined ? message : `${message}; shard ${first.shard}: ${first.message}` },
  }
}
