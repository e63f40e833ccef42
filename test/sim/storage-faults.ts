import { randomFaults, type FaultChoice, type StorageFault } from '../../runner/storage/testdata/storage-fault-layer.ts'
import type { SeededRandom } from './seeded-random.ts'

/** How storage fails in a scenario. */
export interface StorageFaultsScenario {
  /** Share of the calls that fail, from 0 to 1. */
  readonly rate: number
  /** Kinds of faults; all, if not given. */
  readonly kinds?: readonly StorageFault[]
  /** From this step on, storage answers nothing for so long. */
  readonly away?: { readonly step: number; readonly seconds: number }
}

/** Chooses the faults of a scenario by its seed. `at` tells the step and the time, in milliseconds. */
export function chooseStorageFaults(scenario: StorageFaultsScenario | undefined, draws: SeededRandom, at: () => { readonly step: number; readonly now: number }): FaultChoice {
  if (scenario === undefined) return () => null
  const { away, kinds } = scenario
  const random = randomFaults(draws, scenario.rate, kinds)
  let since: number | undefined
  return (call, uri) => {
    const { step, now } = at()
    if (away === undefined || step < away.step) return random(call, uri)
    since ??= now
    if (now >= since + away.seconds * 1000) return random(call, uri)
    // Most connections are refused; some are accepted by what stands in front of the store, and reset.
    return draws.next() < 0.8 ? 'Unavailable' : 'LostUnclear'
  }
}
