import type { Clock } from '../ports/clock.ts'

/** Bound of the first wait, milliseconds; it doubles with each. */
const FIRST_WAIT = 100
/** Longest wait, milliseconds. */
const LONGEST_WAIT = 10_000
/** Time after the first failure in which tries are made, milliseconds: a store that is back by then was not away. */
export const RETRY_TIME = 60_000

/** The waits between tries of one call. */
export class Backoff {
  readonly #clock: Clock
  readonly #jitter: () => number
  #bound = FIRST_WAIT
  #since: number | undefined

  /** `jitter` draws the part of each bound that is waited, in [0, 1); without it the whole bound is. */
  constructor(clock: Clock, jitter: () => number = () => 1) {
    this.#clock = clock
    this.#jitter = jitter
  }

  /** Time since the first call of `wait`, milliseconds. */
  get waited(): number {
    return this.#since === undefined ? 0 : this.#clock.monotonic() - this.#since
  }

  /** Waits before the next try; false when `RETRY_TIME` has passed since the first call. */
  async wait(): Promise<boolean> {
    const now = this.#clock.monotonic()
    this.#since ??= now
    const left = this.#since + RETRY_TIME - now
    if (left <= 0) return false
    await this.#clock.sleep(Math.min(this.#bound * this.#jitter(), left))
    this.#bound = Math.min(2 * this.#bound, LONGEST_WAIT)
    return true
  }
}
