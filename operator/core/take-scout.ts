import { decodeWireSet } from '../../crds/wire-set.ts'
import { countDoneSet, doneShards } from './count-done-set.ts'
import type { Evidence } from './evidence.ts'
import { withNextPoll, type JobState } from './job-state.ts'
import { DEFAULT_POLL_MS, earliestPending, isDue, LOST_RETRY_MS, pollTime } from './timing.ts'

/** So many waiting shards are advanced at once when their time comes; more are scouted first. */
export const ADVANCE_WITHOUT_SCOUT = 4

/**
 * Policy: a scout's word wakes waiting shards (they stop waiting, so the next advance wave takes them), completes the done ones and sets the
 * next poll. A scout that cannot do its work wakes every waiting shard: it only saves runner starts.
 */
export function takeScout(state: JobState, evidence: Evidence, now: number): JobState {
  const verdict = evidence.modes.scout?.verdict
  if (verdict === undefined || state.waiting.isEmpty) return state
  switch (verdict.kind) {
    case 'Done':
    case 'Waiting': {
      const { outcome } = verdict
      const counted = countDoneSet(state, outcome)
      // Shards that are done but could not be counted end at once when they are advanced.
      const wake = decodeWireSet(outcome.wake ?? '').union(doneShards(state, outcome)).intersect(counted.waiting)
      // Nothing to wake and nothing to wait for: what still waits was left out of a coarsened set.
      if (wake.isEmpty && outcome.nextPollTime === undefined && outcome.result === 'done') return wakeAll(counted)
      const waiting = counted.waiting.subtract(wake)
      const poll = outcome.nextPollTime === undefined ? now + DEFAULT_POLL_MS : pollTime(outcome.nextPollTime, now)
      return withNextPoll({ ...counted, waiting }, waiting.isEmpty ? undefined : earliestPending(state.nextPollMs, poll, now))
    }
    case 'Lost':
      return withNextPoll(state, earliestPending(state.nextPollMs, now + LOST_RETRY_MS, now))
    case 'Failed':
      return verdict.failsJob ? state : wakeAll(state)
    case 'Busy':
    case 'Recorded':
      return state
  }
}

/** Policy: when few shards wait and their time has come, they stop waiting without a scout. */
export function wakeDueShards(state: JobState, now: number): JobState {
  const few = !state.waiting.isEmpty && state.waiting.size <= ADVANCE_WITHOUT_SCOUT
  return few && isDue(state.nextPollMs, now) ? wakeAll(state) : state
}

function wakeAll(state: JobState): JobState {
  return withNextPoll({ ...state, waiting: state.waiting.subtract(state.waiting) }, undefined)
}
