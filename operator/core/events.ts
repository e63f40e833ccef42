import type { ClusterEvent } from '../cluster.ts'
import type { Evidence, Finding } from './evidence.ts'
import type { JobState } from './job-state.ts'
import { truncateText } from './truncate-text.ts'

/** Longest note of an event, in bytes, as events.k8s.io allows. */
const NOTE_BYTES = 1_024

/** What changed from one state to the next, for people: at most five events, each situation told once. */
export function eventsOf(before: JobState, after: JobState, evidence: Evidence): ClusterEvent[] {
  const events: ClusterEvent[] = []
  const add = (type: ClusterEvent['type'], reason: string, message: string): void => {
    events.push({ type, reason, message: truncateText(message, NOTE_BYTES) })
  }
  if (before.plan === undefined && after.plan !== undefined) add('Normal', 'Planned', `${after.plan.rows} rows in ${after.plan.shards} shards`)
  const lost = evidence.lost.filter(({ mode }) => before.plan !== undefined || mode === 'plan')
  if (lost.length > 0) add('Warning', 'OutcomeLost', `${lost.length} runners ended without an outcome that can be read, first ${place(lost[0])}; their work is run again`)
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

function place(finding: Finding | undefined): string {
  return finding === undefined ? '' : `${finding.wave} index ${finding.index}`
}
