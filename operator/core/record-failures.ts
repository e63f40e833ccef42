import { truncateText } from './truncate-text.ts'
import type { Evidence } from './evidence.ts'
import type { Failure, JobState } from './job-state.ts'
import { waveNumber } from './wave-name.ts'

/** Failures kept in the status. */
export const RECENT_FAILURES = 10
/** Longest message of one, in bytes: ten of them leave room for the sets of 10,000 shards. */
const MESSAGE_BYTES = 256

/** Policy: runners that failed for good are listed, the last ten by wave and index. A merge that met open shards did not fail. */
export function recordFailures(state: JobState, evidence: Evidence): JobState {
  const known = new Map(state.failures.map((failure) => [`${failure.wave}/${failure.index}`, failure]))
  for (const { wave, mode, index, shard, verdict } of evidence.failures) {
    // Without a plan, only the plan wave is this plan's.
    if (verdict.reason === 'Incomplete' || (state.plan === undefined && mode !== 'plan')) continue
    known.set(`${wave}/${index}`, {
      wave,
      index,
      ...(shard === undefined ? {} : { shard }),
      ...(verdict.exitCode === undefined ? {} : { exitCode: verdict.exitCode }),
      reason: verdict.reason,
      message: truncateText(verdict.message, MESSAGE_BYTES),
    })
  }
  if (known.size === 0) return state
  return { ...state, failures: [...known.values()].sort(byAge).slice(-RECENT_FAILURES) }
}

function byAge(a: Failure, b: Failure): number {
  return waveNumber({ name: a.wave }) - waveNumber({ name: b.wave }) || a.index - b.index
}
