import { IntervalSet } from '../../crds/interval-set.ts'
import type { Mode, Observed } from '../cluster.ts'
import { isUnfinished, type Evidence } from './evidence.ts'
import { allShards, type JobState } from './job-state.ts'
import { ADVANCE_WITHOUT_SCOUT } from './take-scout.ts'
import { isDue } from './timing.ts'

/** Unfinished waves a job may have: with several, a straggler holds nobody up. */
export const MAX_WAVES = 4
/** The set of a wave with one runner for the whole job. */
const WHOLE_JOB = IntervalSet.range(0, 1)

export interface NextWave {
  readonly mode: Mode
  readonly set: IntervalSet
}

/**
 * Policy: which waves to start, at most one of a mode. Without a plan, a plan wave. Then an advance wave over every shard that is neither done,
 * failed, waiting nor at work; a scout when many wait and their time has come; a merge when all shards are done.
 */
export function nextWaves(observed: Observed, state: JobState, evidence: Evidence, now: number): NextWave[] {
  if (state.end !== undefined) return []
  const running = observed.waves.filter(isUnfinished)
  const has = (mode: Mode): boolean => running.some((wave) => wave.mode === mode)
  const due = isDue(state.nextPollMs, now)
  if (state.plan === undefined) return has('plan') || !due ? [] : [{ mode: 'plan', set: WHOLE_JOB }]

  const wanted: NextWave[] = []
  const all = allShards(state)
  const ready = all.subtract(state.completed).subtract(state.failed).subtract(state.waiting).subtract(evidence.busy)
  if (!ready.isEmpty) wanted.push({ mode: 'advance', set: ready })
  if (state.waiting.size > ADVANCE_WITHOUT_SCOUT && due && !has('scout')) wanted.push({ mode: 'scout', set: WHOLE_JOB })
  const slots = MAX_WAVES - running.length
  if (wanted.length > 0) return wanted.slice(0, Math.max(0, slots))

  const allDone = state.completed.equals(all)
  return allDone && due && !has('merge') && !has('advance') ? [{ mode: 'merge', set: WHOLE_JOB }] : []
}
