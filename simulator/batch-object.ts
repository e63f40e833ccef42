import type { Batch, BatchRequestCounts } from 'openai/resources/batches'
import { endedAtMs, expiresAtMs, rowExecutedAtMs, statusAt, transitionsOf, validatedAtMs } from './batch-timeline.ts'
import type { BatchRecord } from './records.ts'

/** Whole seconds, as the API shows times. */
export function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}

function countsAt(batch: BatchRecord, now: number): BatchRequestCounts {
  const { validation, result } = batch
  if (validation === null || !validation.valid || now < validatedAtMs(batch)) return { total: 0, completed: 0, failed: 0 }
  const ended = endedAtMs(batch)
  if (result !== null && ended !== null && now >= ended) return { total: validation.total, completed: result.completed, failed: result.failed }
  const executable = validation.total - validation.expiring
  const until = Math.min(now, batch.cancelledAtMs ?? now)
  const share = batch.plan.inProgressMs === 0 ? 1 : Math.min(1, (until - validatedAtMs(batch)) / (rowExecutedAtMs(batch, 0, 1) - validatedAtMs(batch)))
  const executed = Math.floor(executable * share)
  const completed = executable === 0 ? 0 : Math.floor((executed * validation.succeeding) / executable)
  return { total: validation.total, completed, failed: executed - completed }
}

/** The batch as the API shows it at a moment. What does not hold yet is absent. */
export function batchObject(batch: BatchRecord, now: number): Batch {
  const reached = new Map(transitionsOf(batch).filter((each) => each.atMs <= now).map((each) => [each.status, seconds(each.atMs)]))
  const at = <K extends string>(field: K, status: Batch['status']): { [key in K]?: number } => {
    const time = reached.get(status)
    const fields: { [key in K]?: number } = {}
    if (time !== undefined) fields[field] = time
    return fields
  }
  const { validation, result } = batch
  const ended = endedAtMs(batch)
  const isOver = ended !== null && now >= ended
  const showsFiles = isOver && now >= ended + batch.plan.outputFileLagMs
  return {
    id: batch.id,
    object: 'batch',
    endpoint: batch.endpoint,
    ...(validation?.valid === true && now >= validatedAtMs(batch) ? { model: validation.model } : {}),
    ...(validation?.valid === false && isOver ? { errors: { object: 'list', data: [...validation.errors] } } : {}),
    input_file_id: batch.inputFileId,
    completion_window: '24h',
    status: statusAt(batch, now),
    ...(showsFiles && typeof result?.outputFileId === 'string' ? { output_file_id: result.outputFileId } : {}),
    ...(showsFiles && typeof result?.errorFileId === 'string' ? { error_file_id: result.errorFileId } : {}),
    created_at: seconds(batch.createdAtMs),
    expires_at: seconds(expiresAtMs(batch)),
    ...at('in_progress_at', 'in_progress'),
    ...at('finalizing_at', 'finalizing'),
    ...at('completed_at', 'completed'),
    ...at('failed_at', 'failed'),
    ...at('expired_at', 'expired'),
    ...at('cancelling_at', 'cancelling'),
    ...at('cancelled_at', 'cancelled'),
    request_counts: countsAt(batch, now),
    ...(result !== null && isOver ? { usage: result.usage } : {}),
    metadata: batch.metadata === null ? null : { ...batch.metadata },
  }
}
