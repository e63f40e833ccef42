import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { FaultyStorage } from '../../storage/testdata/faulty-storage.ts'
import { SeededRandom } from '../../../test/sim/seeded-random.ts'

/** A clock whose sleeps end at once: time is what was slept. */
export class SleepingClock implements Clock {
  readonly sleeps: number[] = []
  #now = 0

  now(): number {
    return 1_790_000_000_000 + this.#now
  }

  monotonic(): number {
    return this.#now
  }

  async sleep(ms: number): Promise<void> {
    this.sleeps.push(ms)
    this.#now += ms
    await Promise.resolve()
  }
}

export interface TestPorts {
  readonly storage: FaultyStorage
  readonly clock: SleepingClock
  readonly random: Random
}

/** Storage that can be told to fail, time that never waits, randomness from a seed. */
export function testPorts(seed = 'test'): TestPorts {
  const random = new SeededRandom(seed)
  return { storage: new FaultyStorage(), clock: new SleepingClock(), random: { bytes: (count) => random.bytes(count) } }
}
