import { exitClass } from '../../crds/exit-codes.ts'

/** Counted failures after which an index is tried again: a Job's backoffLimitPerIndex. */
export const RETRY_LIMIT = 6

/**
 * What follows from the end of one try.
 * - Succeed, Fail: the member has ended.
 * - FailWave: the member has failed and the wave's others are stopped.
 * - Retry: it is started again after `delayMs`; `failures` is the new count of counted failures.
 */
export type NextStep = { readonly kind: 'Succeed' | 'Fail' | 'FailWave' } | { readonly kind: 'Retry'; readonly delayMs: number; readonly failures: number }

/** The Job's podFailurePolicy for a local runner. `failures` counts the member's counted failures before this one; the delay doubles with each, from `baseMs` on. */
export function nextStep(exitCode: number, failures: number, baseMs: number): NextStep {
  switch (exitClass(exitCode)) {
    case 'Ok':
      return { kind: 'Succeed' }
    case 'FailJob':
      return { kind: 'FailWave' }
    case 'Memory':
      return { kind: 'Fail' }
    case 'Stopped':
      return { kind: 'Retry', delayMs: baseMs, failures }
    case 'Counted':
      return failures >= RETRY_LIMIT ? { kind: 'Fail' } : { kind: 'Retry', delayMs: baseMs * 2 ** failures, failures: failures + 1 }
  }
}
