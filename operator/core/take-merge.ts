import { IntervalSet } from '../../crds/interval-set.ts'
import { decodeWireSet } from '../../crds/wire-set.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'
import type { Evidence } from './evidence.ts'
import { allShards, withNextPoll, type JobState } from './job-state.ts'
import type { MemberFailure } from './member-verdict.ts'
import { earliestPending, LOST_RETRY_MS, pollTime } from './timing.ts'

/** Policy: once all shards are completed, the merge runner's word completes the job, opens shards again, makes the job wait, or fails it. */
export function takeMerge(state: JobState, evidence: Evidence, now: number): JobState {
  const verdict = evidence.modes.merge?.verdict
  if (verdict === undefined || state.plan === undefined || !state.completed.equals(allShards(state))) return state
  switch (verdict.kind) {
    case 'Done':
      return complete(state, verdict.outcome)
    case 'Waiting':
      return withNextPoll(state, earliestPending(state.nextPollMs, pollTime(verdict.outcome.nextPollTime, now), now))
    case 'Lost':
      return withNextPoll(state, earliestPending(state.nextPollMs, now + LOST_RETRY_MS, now))
    case 'Failed':
      return verdict.reason === 'Incomplete' ? reopen(state, verdict) : { ...state, end: { type: 'Failed', reason: verdict.reason, message: verdict.message } }
    case 'Busy':
    case 'Recorded':
      return state
  }
}

/** The merge has read every ledger and every chunk: its totals are the job's. */
function complete(state: JobState, { rows, tokens, cost, output }: Outcome): JobState {
  if (state.plan === undefined || rows === undefined || output === undefined) return state
  const totals = { rows, tokens: tokens ?? state.totals.tokens, cost: cost ?? state.totals.cost, chunks: state.plan.chunks }
  const written = `${rows.total} rows were written to ${output.uri}`
  const end =
    state.plan.rows === 0
      ? { reason: 'NoRows', message: `The input has no rows; ${output.files} empty files were written to ${output.uri}` }
      : rows.failed > 0
        ? { reason: 'CompletedWithFailures', message: `${written}, ${rows.failed} of them without a usable answer` }
        : { reason: 'Completed', message: written }
  return { ...withNextPoll(state, undefined), totals, progress: new Map(), output, end: { type: 'Complete', ...end } }
}

/** Shards that the merge found unfinished are advanced again. They keep their place in the counters: each was counted when it first completed. */
function reopen(state: JobState, { outcome }: MemberFailure): JobState {
  const named = decodeWireSet(outcome?.wake ?? '').intersect(allShards(state))
  return { ...withNextPoll(state, undefined), completed: named.isEmpty ? IntervalSet.EMPTY : state.completed.subtract(named) }
}
