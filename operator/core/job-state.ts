import { LlmbatchError } from '../../crds/errors.ts'
import type { LlmBatchJobStatus } from '../../crds/generated/llmbatchjob.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { formatTime, parseTime } from '../../crds/rfc3339.ts'

export type Plan = NonNullable<LlmBatchJobStatus['plan']>
export type Failure = NonNullable<LlmBatchJobStatus['recentFailures']>[number]
export type Output = NonNullable<LlmBatchJobStatus['output']>

/** Sums over the shards that were counted: each shard's absolute totals, once. */
export interface Totals {
  readonly rows: { readonly total: number; readonly succeeded: number; readonly failed: number }
  readonly tokens: { readonly input: number; readonly output: number }
  readonly cost: string
  readonly chunks: number
}

export const NO_TOTALS: Totals = { rows: { total: 0, succeeded: 0, failed: 0 }, tokens: { input: 0, output: 0 }, cost: '0', chunks: 0 }

/** How a job ended. */
export interface End {
  readonly type: 'Complete' | 'Failed'
  readonly reason: string
  readonly message: string
}

/** The status without its conditions, in the form that the policies work on. No shard is in two of completed, failed and waiting. */
export interface JobState {
  readonly plan?: Plan
  readonly completed: IntervalSet
  readonly failed: IntervalSet
  readonly waiting: IntervalSet
  readonly totals: Totals
  /** Committed chunks of unfinished shards. */
  readonly progress: ReadonlyMap<number, IntervalSet>
  readonly failures: readonly Failure[]
  /** When waiting shards are polled, or what waits for a while is tried again; milliseconds since 1970. */
  readonly nextPollMs?: number
  readonly waveCount: number
  readonly output?: Output
  readonly end?: End
}

/** Reads a status. Throws InternalError naming the field that cannot be read. */
export function readState(status: LlmBatchJobStatus): JobState {
  const progress = new Map((status.progress ?? []).map(({ shard, chunks }) => [shard, readSet('progress', chunks)]))
  const inProgress = [...progress.values()].reduce((sum, chunks) => sum + chunks.size, 0)
  const nextPollMs = status.nextPollTime === undefined ? undefined : parseTime(status.nextPollTime)
  if (status.nextPollTime !== undefined && nextPollMs === undefined) throw unreadable('nextPollTime', status.nextPollTime)
  const end = readEnd(status)
  return {
    ...(status.plan === undefined ? {} : { plan: status.plan }),
    completed: readSet('completedShards', status.completedShards ?? ''),
    failed: readSet('failedShards', status.failedShards ?? ''),
    waiting: readSet('waitingShards', status.waitingShards ?? ''),
    totals: {
      rows: { total: status.rows?.done ?? 0, succeeded: status.rows?.succeeded ?? 0, failed: status.rows?.failed ?? 0 },
      tokens: status.tokens ?? NO_TOTALS.tokens,
      cost: status.cost ?? NO_TOTALS.cost,
      chunks: Math.max(0, (status.chunks?.committed ?? 0) - inProgress),
    },
    progress,
    failures: status.recentFailures ?? [],
    ...(nextPollMs === undefined ? {} : { nextPollMs }),
    waveCount: status.waveCount ?? 0,
    ...(status.output === undefined ? {} : { output: status.output }),
    ...(end === undefined ? {} : { end }),
  }
}

/** Writes the state's part of the status. `plan` and all that is counted against it appear together. */
export function writeState(state: JobState): LlmBatchJobStatus {
  const { plan, totals } = state
  const progress = [...state.progress].sort(([a], [b]) => a - b)
  const inProgress = progress.reduce((sum, [, chunks]) => sum + chunks.size, 0)
  return {
    ...(plan === undefined
      ? {}
      : {
          plan,
          rows: { total: plan.rows, done: totals.rows.total, succeeded: totals.rows.succeeded, failed: totals.rows.failed },
          chunks: { total: plan.chunks, committed: totals.chunks + inProgress },
          shards: { total: plan.shards, completed: state.completed.size, failed: state.failed.size, waiting: state.waiting.size },
          completedShards: state.completed.toString(),
          failedShards: state.failed.toString(),
          waitingShards: state.waiting.toString(),
          progress: progress.map(([shard, chunks]) => ({ shard, chunks: chunks.toString() })),
          tokens: totals.tokens,
          cost: totals.cost,
        }),
    ...(state.output === undefined ? {} : { output: state.output }),
    ...(state.failures.length === 0 ? {} : { recentFailures: [...state.failures] }),
    ...(state.nextPollMs === undefined ? {} : { nextPollTime: formatTime(state.nextPollMs) }),
    waveCount: state.waveCount,
  }
}

/** Every shard of the plan; empty before there is one. */
export function allShards(state: Pick<JobState, 'plan'>): IntervalSet {
  return IntervalSet.range(0, state.plan?.shards ?? 0)
}

/** The state with another poll time, or with none. */
export function withNextPoll(state: JobState, nextPollMs: number | undefined): JobState {
  const { nextPollMs: _, ...rest } = state
  return nextPollMs === undefined ? rest : { ...rest, nextPollMs }
}

function readEnd(status: LlmBatchJobStatus): End | undefined {
  for (const type of ['Complete', 'Failed'] as const) {
    const condition = status.conditions?.find((each) => each.type === type && each.status === 'True')
    if (condition !== undefined) return { type, reason: condition.reason, message: condition.message }
  }
  return undefined
}

function readSet(field: string, text: string): IntervalSet {
  try {
    return IntervalSet.parse(text)
  } catch (error) {
    throw unreadable(field, text, error)
  }
}

function unreadable(field: string, text: string, cause?: unknown): LlmbatchError {
  return new LlmbatchError('InternalError', `status.${field} cannot be read: ${JSON.stringify(text.slice(0, 80))}`, { cause })
}
