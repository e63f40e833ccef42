import { IntervalSet } from '../../crds/interval-set.ts'
import { claimChunk } from '../ledger/chunk-claim.ts'
import { addTotals } from '../ledger/totals.ts'
import type { ShardContext } from './shard-context.ts'

/**
 * Claims every chunk of the shard that is neither claimed nor committed. Committed ones are reused, whoever committed them. Returns the
 * chunks that other ledgers have claimed, with those ledgers.
 */
export async function claimChunks(context: ShardContext): Promise<ReadonlyMap<number, string>> {
  const { session, rows, work, ports } = context
  const known = IntervalSet.parse(session.ledger.chunks.claimed).union(IntervalSet.parse(session.ledger.chunks.committed))
  const claimed: number[] = []
  const committed: number[] = []
  const elsewhere = new Map<number, string>()
  let { totals } = session.ledger
  for (const chunk of rows.chunks) {
    if (known.has(chunk.index)) continue
    const result = await claimChunk(ports, work + chunk.key, session.ledger.ledger)
    switch (result.kind) {
      case 'Known':
      case 'Claimed':
        claimed.push(chunk.index)
        break
      case 'Committed':
        committed.push(chunk.index)
        totals = addTotals(totals, result.commit.totals)
        break
      case 'Elsewhere':
        elsewhere.set(chunk.index, result.ledger)
        break
    }
  }
  if (claimed.length > 0 || committed.length > 0) {
    await session.write({
      totals,
      chunks: {
        claimed: IntervalSet.parse(session.ledger.chunks.claimed).union(IntervalSet.of(claimed)).toString(),
        committed: IntervalSet.parse(session.ledger.chunks.committed).union(IntervalSet.of(committed)).toString(),
      },
    })
  }
  return elsewhere
}
