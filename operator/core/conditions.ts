import type { LlmBatchJobStatus } from '../../crds/generated/llmbatchjob.ts'
import type { IntervalSet } from '../../crds/interval-set.ts'
import { allShards, type JobState } from './job-state.ts'
import { formatTime } from '../../crds/rfc3339.ts'
import { truncateText } from './truncate-text.ts'

export type Condition = NonNullable<LlmBatchJobStatus['conditions']>[number]

/** Longest message of a condition, in bytes. */
const MESSAGE_BYTES = 1_024

/** What a job is doing, or why it does nothing. */
interface Stage {
  readonly reason: string
  readonly message: string
}

/**
 * The conditions of a state. Complete is always there: its reason is how the job ended, or what it is doing. lastTransitionTime is that of
 * `before` unless the condition's status changes. `busy` are the shards at work.
 */
export function conditionsOf(state: JobState, busy: IntervalSet, generation: number, before: readonly Condition[], now: number): Condition[] {
  const end = state.end
  // In order; the first that has something to say names the reason of Complete=False.
  const stage = end ?? planning(state) ?? merging(state) ?? waitingForProvider(state, busy) ?? advancing(state)
  const planned: Stage =
    state.plan === undefined
      ? { reason: end === undefined ? 'Planning' : stage.reason, message: end === undefined ? 'The plan is being made' : stage.message }
      : { reason: 'Planned', message: `${state.plan.rows} rows of ${state.plan.files} files in ${state.plan.chunks} chunks and ${state.plan.shards} shards` }
  const failure: Stage =
    end?.type === 'Failed'
      ? stage
      : state.failed.isEmpty
        ? { reason: 'NoFailure', message: 'No runner failed for good' }
        : { reason: 'ShardsFailed', message: `${state.failed.size} shards failed; the job fails when the others are done` }
  const make = (type: string, isTrue: boolean, { reason, message }: Stage): Condition => {
    const status = isTrue ? 'True' : 'False'
    const old = before.find((condition) => condition.type === type)
    return {
      type,
      status,
      reason,
      message: truncateText(message, MESSAGE_BYTES),
      lastTransitionTime: old?.status === status ? old.lastTransitionTime : formatTime(now),
      observedGeneration: generation,
    }
  }
  return [
    make('Planned', state.plan !== undefined, planned),
    make('Progressing', end === undefined, stage),
    make('Failed', end?.type === 'Failed', failure),
    make('Complete', end?.type === 'Complete', stage),
  ]
}

function planning(state: JobState): Stage | undefined {
  if (state.plan !== undefined) return undefined
  const again = state.nextPollMs === undefined ? '' : `; it is tried again at ${formatTime(state.nextPollMs)}`
  return { reason: 'Planning', message: `The plan is being made${again}` }
}

function merging(state: JobState): Stage | undefined {
  if (!state.completed.equals(allShards(state))) return undefined
  const again = state.nextPollMs === undefined ? '' : `; it is tried again at ${formatTime(state.nextPollMs)}`
  return { reason: 'Merging', message: `All ${state.completed.size} shards are done and the output is being written${again}` }
}

function waitingForProvider(state: JobState, busy: IntervalSet): Stage | undefined {
  const settled = state.completed.union(state.failed).union(state.waiting)
  if (state.waiting.isEmpty || !busy.isEmpty || !allShards(state).subtract(settled).isEmpty) return undefined
  const next = state.nextPollMs === undefined ? 'now' : `at ${formatTime(state.nextPollMs)}`
  return { reason: 'WaitingForProvider', message: `${shardsDone(state)}; ${state.waiting.size} wait for the provider, which is asked next ${next}` }
}

function advancing(state: JobState): Stage {
  const waiting = state.waiting.isEmpty ? '' : `; ${state.waiting.size} wait for the provider`
  return { reason: 'Advancing', message: `${shardsDone(state)}${waiting}` }
}

function shardsDone(state: JobState): string {
  const failed = state.failed.isEmpty ? '' : ` and ${state.failed.size} failed`
  return `${state.completed.size} of ${state.plan?.shards ?? 0} shards are done${failed}`
}
