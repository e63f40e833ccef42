import { parseTime } from '../../crds/rfc3339.ts'

/** How long work whose outcome was lost waits until it is run again, milliseconds: a runner that always loses it must not spin. */
export const LOST_RETRY_MS = 5_000
/** When to ask again if a runner waits and does not say until when, milliseconds. */
export const DEFAULT_POLL_MS = 60_000

/** When an outcome wants to be asked again, milliseconds since 1970. */
export function pollTime(nextPollTime: string | undefined, now: number): number {
  return (nextPollTime === undefined ? undefined : parseTime(nextPollTime)) ?? now + DEFAULT_POLL_MS
}

/**
 * The earlier of a time in the status and a new one. A time that has passed gives way: it was acted upon. Taking the same outcome
 * in again therefore changes nothing.
 */
export function earliestPending(current: number | undefined, candidate: number, now: number): number {
  return current === undefined || current <= now ? candidate : Math.min(current, candidate)
}

/** Whether a poll time lets work start. No time set means now. */
export function isDue(nextPollMs: number | undefined, now: number): boolean {
  return nextPollMs === undefined || nextPollMs <= now
}
