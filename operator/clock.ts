/** Time as the operator needs it, passed in so that the reconcile loop also runs in virtual time. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
