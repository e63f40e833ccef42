import type { ClusterEvent } from '../cluster.ts'
import type { Evidence, Finding } from './evidence.ts'
import type { JobState } from './job-state.ts'
import { truncateText } from './truncate-text.ts'

/** Longest note of an event, in bytes, as events.k8s.io allows. */
const NOTE_BYTES = 1_024

/** What changed from one state to the next, for people: at most six events, each situation told once. */
export function eventsOf(before: JobState, after: JobState, evidence: Evidence): ClusterEvent[] {
  const events: ClusterEvent[] = []
  const add = (type: ClusterEvent['type'], reason: string, message: string): void => {
    events.push({ type, reason, message: truncateText(message, NOTE_BYTES) })
  }
  if (before.plan === undefined && after.plan !== undefined) add('Normal', 'Planned', `${after.plan.rows} rows in ${after.plan.shards} shards`)
  const lost = evidence.lost.filter(({ mode }) => before.plan !== undefined || mode === 'plan')
  if (lost.length > 0) add('Warning', 'OutcomeLost', `${lost.length} runners ended without an outcome that can be read, first ${place(lost[0])}; their work is run again`)
  const trouble = troubleOf(before, after, evidence)
  if (trouble !== undefined) add('Warning', trouble.reason, trouble.message)
  const opened = before.completed.subtract(after.completed)
  if (!opened.isEmpty) add('Warning', 'MergeIncomplete', `the merge met ${opened.size} shards that are not done; they are advanced again`)
  const failed = after.failed.subtract(before.failed)
  if (!failed.isEmpty) {
    const first = after.failures.find(({ shard }) => shard !== undefined && failed.has(shard))
    add('Warning', 'ShardFailed', `${failed.size} shards failed${first === undefined ? '' : `, among them shard ${first.shard}: ${first.reason}: ${first.message}`}`)
  }
  if (before.end === undefined && after.end !== undefined) add(after.end.type === 'Failed' ? 'Warning' : 'Normal', after.end.reason, after.end.message)
  return events
}

/** Reasons to wait that are not the ordinary course: somebody may want to do something about them. */
const TROUBLES = new Set(['ProviderUnavailable', 'RateLimited', 'WorkClaimedElsewhere'])

/** The first such reason that came with this change. */
function troubleOf(before: JobState, after: JobState, { shards, modes }: Evidence): { readonly reason: string; readonly message: string } | undefined {
  const news = [...shards].flatMap(([shard, finding]) => (after.waiting.has(shard) && !before.waiting.has(shard) ? [finding] : []))
  if (modes.scout !== undefined && before.nextPollMs !== after.nextPollMs) news.push(modes.scout)
  for (const { verdict } of news) {
    if (verdict.kind !== 'Waiting') continue
    const { reason, message } = verdict.outcome
    if (reason !== undefined && TROUBLES.has(reason)) return { reason, message: `work waits: ${message ?? 'no more is known'}` }
  }
  return undefined
}

function place(finding: Finding | undefined): string {
  return finding === undefined ? '' : `${finding.wave} index ${finding.index}`
}
