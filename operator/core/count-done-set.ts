import type { Outcome } from '../../crds/generated/outcome.ts'
import type { IntervalSet } from '../../crds/interval-set.ts'
import { UNKNOWN_COST } from '../../crds/money.ts'
import { decodeWireSet } from '../../crds/wire-set.ts'
import { allShards, type JobState, type Totals } from './job-state.ts'

/**
 * Takes in a `done` set with its absolute totals, as plan and scout report it from the ledgers. Only a set that holds every completed
 * shard can replace the counters; another one (it was coarsened, or is older than the status) is left aside, and its shards are
 * counted by their own outcomes.
 */
export function countDoneSet(state: JobState, outcome: Outcome): JobState {
  const done = doneShards(state, outcome)
  const totals = totalsOf(outcome)
  if (totals === undefined || done.equals(state.completed) || !done.containsAll(state.completed)) return state
  return {
    ...state,
    completed: done,
    failed: state.failed.subtract(done),
    waiting: state.waiting.subtract(done),
    totals,
    progress: new Map([...state.progress].filter(([shard]) => !done.has(shard))),
  }
}

/** The shards of the plan that an outcome reports as done. */
export function doneShards(state: JobState, outcome: Outcome): IntervalSet {
  return decodeWireSet(outcome.done ?? '').intersect(allShards(state))
}

function totalsOf({ rows, tokens, cost, doneChunks }: Outcome): Totals | undefined {
  if (rows === undefined || doneChunks === undefined) return undefined
  return { rows, tokens: tokens ?? { input: 0, output: 0 }, cost: cost ?? UNKNOWN_COST, chunks: doneChunks }
}
