import type { Batch } from 'openai/resources/batches'
import type { BatchRecord } from './records.ts'

export interface Transition {
  readonly status: Batch['status']
  readonly atMs: number
}

/** When validation is over. */
export function validatedAtMs(batch: BatchRecord): number {
  return batch.createdAtMs + batch.plan.validatingMs
}

/** When the batch expires. */
export function expiresAtMs(batch: BatchRecord): number {
  return batch.createdAtMs + batch.plan.windowMs
}

/** Whether the window ends before the last row is executed. */
function runsOut(batch: BatchRecord): boolean {
  const expiring = batch.validation?.valid === true && batch.validation.expiring > 0
  return expiring || validatedAtMs(batch) + batch.plan.inProgressMs > expiresAtMs(batch)
}

/** When execution ends if nobody cancels: with the last row, or with the window. */
function executedAtMs(batch: BatchRecord): number {
  return runsOut(batch) ? Math.max(validatedAtMs(batch), expiresAtMs(batch)) : validatedAtMs(batch) + batch.plan.inProgressMs
}

/** Rows whose turn comes after this are not executed. */
export function executedUntilMs(batch: BatchRecord): number {
  return Math.min(executedAtMs(batch), batch.cancelledAtMs ?? Number.POSITIVE_INFINITY)
}

/** When row `index` (from 0) of `total` is executed: rows are spread evenly over the time in progress. */
export function rowExecutedAtMs(batch: BatchRecord, index: number, total: number): number {
  return validatedAtMs(batch) + Math.ceil(((index + 1) / total) * batch.plan.inProgressMs)
}

/**
 * Every status of the batch, past and future, with the moment that it begins, in order: a pure function of the record.
 * While validation has not been looked at, the list ends with `validating`.
 */
export function transitionsOf(batch: BatchRecord): Transition[] {
  const list: Transition[] = [{ status: 'validating', atMs: batch.createdAtMs }]
  const validated = validatedAtMs(batch)
  const cancelled = batch.cancelledAtMs
  const cancelling: Transition[] =
    cancelled === null
      ? []
      : [
          { status: 'cancelling', atMs: cancelled },
          { status: 'cancelled', atMs: cancelled + batch.plan.cancellingMs },
        ]
  if (cancelled !== null && cancelled < validated) return [...list, ...cancelling]
  if (batch.validation === null) return list
  if (!batch.validation.valid) return [...list, { status: 'failed', atMs: validated }]
  list.push({ status: 'in_progress', atMs: validated })
  const executed = executedAtMs(batch)
  if (cancelled === null || cancelled >= executed) list.push({ status: 'finalizing', atMs: executed })
  if (cancelled !== null) return [...list, ...cancelling]
  return [...list, { status: runsOut(batch) ? 'expired' : 'completed', atMs: executed + batch.plan.finalizingMs }]
}

const TERMINAL: readonly Batch['status'][] = ['failed', 'completed', 'expired', 'cancelled']

/** When the batch ends; null while that is not known yet. */
export function endedAtMs(batch: BatchRecord): number | null {
  const last = transitionsOf(batch).at(-1)
  return last !== undefined && TERMINAL.includes(last.status) ? last.atMs : null
}

/** The batch's status at a moment. */
export function statusAt(batch: BatchRecord, now: number): Batch['status'] {
  return transitionsOf(batch).findLast((transition) => transition.atMs <= now)?.status ?? 'validating'
}
