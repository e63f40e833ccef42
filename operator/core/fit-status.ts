import type { JobState } from './job-state.ts'

/** Largest status, in bytes of JSON. The sets of 10,000 shards take 49,000 at worst. */
export const STATUS_BYTES = 64 * 1024

/** Halves what is for display only, progress first and then the list of failures, until the written status fits. */
export function fitStatus<T>(state: JobState, write: (state: JobState) => T): T {
  let current = state
  for (;;) {
    const status = write(current)
    if (Buffer.byteLength(JSON.stringify(status)) <= STATUS_BYTES) return status
    if (current.progress.size > 0) current = { ...current, progress: new Map([...current.progress].slice(0, current.progress.size >> 1)) }
    else if (current.failures.length > 0) current = { ...current, failures: current.failures.slice((current.failures.length + 1) >> 1) }
    else return status
  }
}
