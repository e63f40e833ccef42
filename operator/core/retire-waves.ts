import type { Observed } from '../cluster.ts'
import type { Action } from './actions.ts'
import { isUnfinished } from './evidence.ts'
import type { JobState } from './job-state.ts'

/**
 * Policy: what is recorded is removed. A wave without work goes as a whole; of others the ended members go. When the job has ended every
 * wave goes, and while there is no plan every wave but the plan's: its shards mean nothing.
 * `observed.status` must be the acknowledged status that has taken in this observation.
 */
export function retireWaves(observed: Observed, state: JobState): Action[] {
  return observed.waves.flatMap((wave): Action[] => {
    const orphaned = state.plan === undefined ? wave.mode !== 'plan' : wave.mode === 'plan'
    if (state.end !== undefined || orphaned || !isUnfinished(wave)) return [{ kind: 'stopWave', name: wave.name }]
    const indexes = wave.members.filter(({ phase }) => phase === 'Succeeded' || phase === 'Failed').map(({ index }) => index)
    return indexes.length === 0 ? [] : [{ kind: 'release', name: wave.name, indexes }]
  })
}
