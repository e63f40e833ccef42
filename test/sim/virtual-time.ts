/**
 * Time of a simulation. It stands still while code runs and jumps to the next timer when nothing is left to run: hours pass in
 * milliseconds, and the order of events is a pure function of the seed.
 */
export class VirtualTime {
  #now: number
  #sequence = 0
  /** Sorted by time, then by when they were set. */
  readonly #timers: { readonly at: number; readonly sequence: number; readonly fire: () => void }[] = []

  /** `start`: milliseconds since 1970. */
  constructor(start: number) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error)
        return
      }
      const timer = { at: this.#now + Math.max(0, ms), sequence: this.#sequence++, fire: resolve }
      let index = this.#timers.length
      while (index > 0 && (this.#timers[index - 1]?.at ?? 0) > timer.at) index--
      this.#timers.splice(index, 0, timer)
      signal?.addEventListener('abort', () => {
        const at = this.#timers.indexOf(timer)
        if (at >= 0) this.#timers.splice(at, 1)
        reject(signal.reason as Error)
      }, { once: true })
    })
  }

  /** Lets time pass until the work is done. Throws when nothing can happen any more, or after `limitMs` of virtual time. */
  async runUntilDone<T>(work: Promise<T>, limitMs: number): Promise<T> {
    let done = false
    const settled = work.finally(() => {
      done = true
    })
    settled.catch(() => undefined)
    const end = this.#now + limitMs
    for (;;) {
      // Everything that is simulated runs in microtasks, and all of those run before this returns.
      await new Promise((resolve) => setImmediate(resolve))
      if (done) return settled
      const next = this.#timers.shift()
      if (next === undefined) throw new Error('the simulation is stuck: nothing is left to happen')
      if (next.at > end) throw new Error(`the simulation did not end within ${limitMs / 1000} virtual seconds`)
      this.#now = next.at
      next.fire()
    }
  }
}
