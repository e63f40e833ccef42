import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from './clock.ts'

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted()
    try {
      await wait(ms, undefined, signal === undefined ? {} : { signal })
    } catch (error) {
      // Node rejects with an AbortError of its own.
      signal?.throwIfAborted()
      throw error
    }
  },
}
