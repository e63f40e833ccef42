import type { IntervalSet } from '../../crds/interval-set.ts'
import { rowsOf } from './attempts.ts'
import type { ReadBatch } from './row-sets.ts'

/** Batches that are open, or whose rows are neither all committed nor all in later batches: those still say what may be sent. */
export function stillNeeded(batches: readonly ReadBatch[], committed: IntervalSet): ReadBatch[] {
  let covered = committed
  const needed: ReadBatch[] = []
  for (const read of batches.toReversed()) {
    const rows = rowsOf(read.members)
    const settled = read.batch.state === 'Void' || read.batch.state === 'Harvested'
    if (!settled || !covered.containsAll(rows)) needed.unshift(read)
    covered = covered.union(rows)
  }
  return needed
}
