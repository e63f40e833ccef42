import type { Observed, WaveRequest } from '../cluster.ts'
import type { Action } from './actions.ts'
import { gatherEvidence, isUnfinished } from './evidence.ts'
import { readState } from './job-state.ts'
import { nextWaves } from './next-waves.ts'
import { quantityBytes } from './quantity.ts'
import { retireWaves } from './retire-waves.ts'
import { shareParallelism } from './share-parallelism.ts'
import { waveName } from './wave-name.ts'

/**
 * What to do next. `observed.status` must be the acknowledged status that `summarize` made of this observation, as what it holds is removed
 * from the cluster. `now` is in milliseconds since 1970. A wave's name follows from the status, so that deciding twice starts it once.
 */
export function decide(observed: Observed, now: number): Action[] {
  const state = readState(observed.status)
  const retired = retireWaves(observed, state)
  const stopped = new Set(retired.filter(({ kind }) => kind === 'stopWave').map((action) => ('name' in action ? action.name : '')))
  const remaining = { ...observed, waves: observed.waves.filter(({ name }) => !stopped.has(name)) }
  const evidence = gatherEvidence(remaining)

  const memoryBytes = quantityBytes(observed.spec.runner.memory, 'spec.runner.memory')
  const started = nextWaves(remaining, state, evidence, now).map(({ mode, set }, i): WaveRequest => ({
    name: waveName(observed.job, mode, state.waveCount + 1 + i),
    mode,
    set,
    ...(state.plan === undefined ? {} : { plan: `${state.plan.uri}#${state.plan.digest}` }),
    parallelism: 0,
    memoryBytes,
  }))
  const unfinished = remaining.waves.filter(isUnfinished)
  const shares = shareParallelism([...unfinished, ...started.map((wave) => ({ ...wave, members: [] }))], observed)
  return [
    ...retired,
    ...unfinished.flatMap((wave): Action[] => {
      const parallelism = shares.get(wave.name) ?? wave.parallelism
      return parallelism === wave.parallelism ? [] : [{ kind: 'setParallelism', name: wave.name, parallelism }]
    }),
    ...started.map((wave): Action => ({ kind: 'startWave', wave: { ...wave, parallelism: shares.get(wave.name) ?? 0 } })),
  ]
}
