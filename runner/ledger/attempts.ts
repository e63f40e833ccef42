import { IntervalSet } from '../../crds/interval-set.ts'
import type { AttemptRows, ReadBatch } from './row-sets.ts'

/** Every row of the groups. */
export function rowsOf(groups: readonly AttemptRows[]): IntervalSet {
  return groups.reduce((all, group) => all.union(group.rows), IntervalSet.EMPTY)
}

/**
 * Rows that may be sent now, by attempt: first attempts, then those whose last attempt is known to have ended without a usable answer.
 * A row in a batch that is not settled is in none of them. `owned` are the rows of the chunks that the ledger claimed and has not committed.
 */
export function sendableRows(owned: IntervalSet, batches: readonly ReadBatch[]): AttemptRows[] {
  const pools: AttemptRows[] = []
  let later = IntervalSet.EMPTY
  // From the last batch backwards: a row's newest batch decides.
  for (const { batch, members, again } of batches.toReversed()) {
    const settled = batch.state === 'Void' ? members : batch.state === 'Harvested' ? again : []
    for (const { attempt, retries, rows } of settled) {
      const left = rows.subtract(later).intersect(owned)
      if (!left.isEmpty) pools.push({ attempt: attempt + 1, retries: batch.state === 'Void' ? retries : retries + 1, rows: left })
    }
    later = later.union(rowsOf(members))
  }
  const first = owned.subtract(later)
  return [...(first.isEmpty ? [] : [{ attempt: 1, retries: 0, rows: first }]), ...merged(pools)]
}

/** Rows whose newest attempt is harvested and is not to be followed by another. */
export function finalRows(batches: readonly ReadBatch[]): IntervalSet {
  let final = IntervalSet.EMPTY
  for (const { batch, members, again } of batches) {
    const rows = rowsOf(members)
    final = batch.state === 'Harvested' ? final.union(rows).subtract(rowsOf(again)) : final.subtract(rows)
  }
  return final
}

/** Pools of the same attempt and retries joined, in ascending order. */
function merged(pools: readonly AttemptRows[]): AttemptRows[] {
  const byKey = new Map<string, AttemptRows>()
  for (const pool of pools) {
    const key = `${pool.attempt}/${pool.retries}`
    const known = byKey.get(key)
    byKey.set(key, known === undefined ? pool : { ...known, rows: known.rows.union(pool.rows) })
  }
  return [...byKey.values()].sort((a, b) => a.attempt - b.attempt || a.retries - b.retries)
}
