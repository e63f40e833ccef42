/** Time, passed in so that the whole runner also runs in virtual time. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. For display and nextPollTime only; never compared between machines. */
  now(): number
  /** Monotonic clock of this process, milliseconds. */
  monotonic(): number
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
