import type { Outcome } from '../../crds/generated/outcome.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { addCosts, UNKNOWN_COST } from '../../crds/money.ts'
import type { Evidence } from './evidence.ts'
import { allShards, withNextPoll, type JobState, type Totals } from './job-state.ts'
import { LOST_RETRY_MS, pollTime } from './timing.ts'

/** At most so many unfinished shards show their chunks. */
export const PROGRESS_SHARDS = 64
/** Longest chunk intervals that are shown of a shard, in characters, as the API allows. */
const PROGRESS_TEXT = 2_048

/**
 * Policy: ended advance members move their shards. Done completes a shard and counts it, once. Waiting and lost shards wait. A
 * failure for good fails the shard, or the job if no other runner can do better. A shard at work neither waits nor fails.
 */
export function takeShards(state: JobState, evidence: Evidence, now: number): JobState {
  const all = allShards(state)
  const done: number[] = []
  const waiting: number[] = []
  const failed: number[] = []
  const polls: number[] = []
  const progress = new Map(state.progress)
  let { totals } = state
  // Once every row was counted, a shard that is done again was opened by a merge, and has been counted before.
  const counted = state.plan !== undefined && totals.rows.total >= state.plan.rows
  for (const [shard, { verdict }] of evidence.shards) {
    if (!all.has(shard) || state.completed.has(shard)) continue
    if (verdict.kind === 'Done') {
      done.push(shard)
      if (!counted) totals = addTotals(totals, verdict.outcome)
    } else if (verdict.kind === 'Waiting') {
      waiting.push(shard)
      const poll = pollTime(verdict.outcome.nextPollTime, now)
      // Of a shard that waits already, a time that has passed was acted upon.
      if (poll > now || !state.waiting.has(shard)) polls.push(poll)
      mergeChunks(progress, shard, verdict.outcome)
    } else if (verdict.kind === 'Lost') {
      waiting.push(shard)
      if (!state.waiting.has(shard)) polls.push(now + LOST_RETRY_MS)
    } else if (verdict.kind === 'Failed' && !verdict.failsJob) {
      failed.push(shard)
    }
  }
  const completed = state.completed.union(IntervalSet.of(done))
  const nowFailed = state.failed.union(IntervalSet.of(failed)).subtract(completed).subtract(evidence.busy)
  const nowWaiting = state.waiting.union(IntervalSet.of(waiting)).subtract(completed).subtract(nowFailed).subtract(evidence.busy)
  const next: JobState = { ...state, completed, failed: nowFailed, waiting: nowWaiting, totals, progress: shown(progress, state, completed.union(nowFailed)) }
  return failJob(withNextPoll(next, nextPoll(state, nowWaiting, polls)), evidence)
}

function addTotals(totals: Totals, { rows, tokens, cost, chunks }: Outcome): Totals {
  return {
    rows: {
      total: totals.rows.total + (rows?.total ?? 0),
      succeeded: totals.rows.succeeded + (rows?.succeeded ?? 0),
      failed: totals.rows.failed + (rows?.failed ?? 0),
    },
    tokens: { input: totals.tokens.input + (tokens?.input ?? 0), output: totals.tokens.output + (tokens?.output ?? 0) },
    cost: addCosts(totals.cost, cost ?? UNKNOWN_COST),
    chunks: totals.chunks + IntervalSet.parse(chunks ?? '').size,
  }
}

/** Committed chunks stay committed, so an older outcome cannot take any away. */
function mergeChunks(progress: Map<number, IntervalSet>, shard: number, { chunks }: Outcome): void {
  const merged = IntervalSet.parse(chunks ?? '').union(progress.get(shard) ?? IntervalSet.EMPTY)
  if (!merged.isEmpty && merged.toString().length <= PROGRESS_TEXT) progress.set(shard, merged)
}

/** What is shown already stays; free places go to the lowest shards. */
function shown(progress: ReadonlyMap<number, IntervalSet>, before: JobState, ended: IntervalSet): Map<number, IntervalSet> {
  const open = [...progress].filter(([shard]) => !ended.has(shard))
  open.sort(([a], [b]) => Number(before.progress.has(b)) - Number(before.progress.has(a)) || a - b)
  return new Map(open.slice(0, PROGRESS_SHARDS))
}

/** The earliest time that a waiting shard wants. When the last one stopped waiting, so does the job. */
function nextPoll(before: JobState, waiting: IntervalSet, polls: readonly number[]): number | undefined {
  if (waiting.isEmpty) return before.waiting.isEmpty ? before.nextPollMs : undefined
  const kept = before.waiting.isEmpty ? undefined : before.nextPollMs
  return polls.reduce<number | undefined>((earliest, poll) => (earliest === undefined ? poll : Math.min(earliest, poll)), kept)
}

function failJob(state: JobState, evidence: Evidence): JobState {
  const fatal = evidence.failures.find(({ mode, verdict, shard }) => verdict.failsJob && (shard === undefined ? mode === 'scout' : !state.completed.has(shard)))
  if (fatal === undefined) return state
  return { ...state, end: { type: 'Failed', reason: fatal.verdict.reason, message: fatal.verdict.message } }
}
