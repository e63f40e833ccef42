import type { LlmBatchJobStatus } from '../../crds/generated/llmbatchjob.ts'
import type { ClusterEvent, Observed } from '../cluster.ts'
import { conclude } from './conclude.ts'
import { conditionsOf } from './conditions.ts'
import { eventsOf } from './events.ts'
import { gatherEvidence, type Evidence } from './evidence.ts'
import { fitStatus } from './fit-status.ts'
import { allShards, readState, withNextPoll, writeState, type JobState } from './job-state.ts'
import { recordFailures } from './record-failures.ts'
import { takeMerge } from './take-merge.ts'
import { takePlan } from './take-plan.ts'
import { takeScout, wakeDueShards } from './take-scout.ts'
import { takeShards } from './take-shards.ts'
import { isDue } from './timing.ts'

export interface Summary {
  readonly status: LlmBatchJobStatus
  /** To be emitted once the status is acknowledged. */
  readonly events: readonly ClusterEvent[]
}

/**
 * The status after taking in everything that ended members say. Taking in the same observation again changes nothing, and the order of
 * waves and members does not matter. A job that has ended keeps its status. `now` is in milliseconds since 1970.
 */
export function summarize(observed: Observed, now: number): Summary {
  const before = readState(observed.status)
  if (before.end !== undefined) return { status: { ...observed.status, observedGeneration: observed.generation }, events: [] }
  const evidence = gatherEvidence(observed)
  const after = nextState(before, evidence, now)
  const status = fitStatus(after, (state) => ({
    observedGeneration: observed.generation,
    conditions: conditionsOf(state, evidence.busy, observed.generation, observed.status.conditions ?? [], now),
    ...writeState(state),
  }))
  return { status, events: eventsOf(before, after, evidence) }
}

/** The policies in order. Once one has ended the job, those that would move it on are passed over. */
function nextState(before: JobState, evidence: Evidence, now: number): JobState {
  const numbered = recordFailures({ ...before, waveCount: Math.max(before.waveCount, evidence.highestWave) }, evidence)
  if (before.plan === undefined) return ended(takePlan(dropPassedPoll(numbered, now), evidence, now))
  const shards = takeShards(dropPassedPoll(numbered, now), evidence, now)
  if (shards.end !== undefined) return ended(shards)
  const woken = wakeDueShards(takeScout(shards, evidence, now), now)
  return ended(conclude(before.completed.equals(allShards(before)) ? takeMerge(woken, evidence, now) : woken, evidence))
}

/** A time that only held back plan or merge is over once it has passed. */
function dropPassedPoll(state: JobState, now: number): JobState {
  return state.waiting.isEmpty && isDue(state.nextPollMs, now) ? withNextPoll(state, undefined) : state
}

/** A job that has ended waits for nothing. */
function ended(state: JobState): JobState {
  return state.end === undefined ? state : withNextPoll(state, undefined)
}
