import { countDoneSet } from './count-done-set.ts'
import type { Evidence } from './evidence.ts'
import { withNextPoll, type JobState } from './job-state.ts'
import { earliestPending, LOST_RETRY_MS, pollTime } from './timing.ts'

/** Policy: while there is no plan, the plan runner's word makes one, makes the job wait, or fails it. */
export function takePlan(state: JobState, evidence: Evidence, now: number): JobState {
  const verdict = evidence.modes.plan?.verdict
  if (state.plan !== undefined || verdict === undefined) return state
  switch (verdict.kind) {
    case 'Done': {
      const { plan } = verdict.outcome
      return plan === undefined ? state : countDoneSet(withNextPoll({ ...state, plan }, undefined), verdict.outcome)
    }
    case 'Waiting':
      return withNextPoll(state, earliestPending(state.nextPollMs, pollTime(verdict.outcome.nextPollTime, now), now))
    case 'Lost':
      return withNextPoll(state, earliestPending(state.nextPollMs, now + LOST_RETRY_MS, now))
    case 'Failed':
      return { ...state, end: { type: 'Failed', reason: verdict.reason, message: verdict.message } }
    case 'Busy':
    case 'Recorded':
      return state
  }
}
