import { LlmbatchError, messageOf } from '../../crds/errors.ts'
import type { Ledger } from '../../crds/generated/ledger.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import type { PlanShard } from '../../crds/generated/plan-shard.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { workUri } from '../../crds/work-uri.ts'
import { readChunk } from '../ledger/chunk-claim.ts'
import { Fenced } from '../ledger/fenced.ts'
import { Lease } from '../ledger/lease.ts'
import { ledgerFolders } from '../ledger/ledger-folders.ts'
import { LedgerSession, ledgerUri } from '../ledger/ledger-session.ts'
import { RowSets } from '../ledger/row-sets.ts'
import { sweepUploads } from '../ledger/sweep-uploads.ts'
import type { Parts } from '../mode.ts'
import type { PlanRef } from '../plan/plan-object.ts'
import type { Ports } from '../ports/ports.ts'
import { advanceShard, type Waiting } from './advance-shard.ts'
import type { ShardContext } from './shard-context.ts'
import { ShardRows } from './shard-rows.ts'

/** A shard of a plan. */
export interface PlannedShard {
  readonly plan: PlanRef
  readonly header: PlanHeader
  readonly shard: PlanShard
}

/** How far a ledger came; `ledger` is null when another runner works on it. */
export interface Advanced {
  readonly ledger: Ledger | null
  /** null: every chunk is committed. */
  readonly waiting: Waiting | null
}

/**
 * Takes a shard's ledger over and advances it as far as it can go now. A provider that does not answer is waited for while batches are there: what runs
 * there runs on. Throws LedgerLost, and what the steps throw.
 */
export async function advanceLedger(parts: Parts, spec: LlmBatchJobSpec, planned: PlannedShard): Promise<Advanced> {
  const { ports, limits } = parts
  const { plan, header, shard } = planned
  const work = workUri(spec)
  const uri = ledgerUri(work, shard.ledger)
  const busy: Advanced = { ledger: null, waiting: { reason: 'ShardBusy', message: 'another runner works on the shard', seconds: Math.max(1, limits.leaseSeconds / 2) } }
  const lease = await Lease.acquire(ports, `${work}leases/${shard.ledger}.json`, limits.leaseSeconds)
  if (lease === null) return busy
  try {
    const rows = new ShardRows(header, shard)
    await refuseLostLedger(ports, work, uri, shard.ledger, rows)
    const session = await LedgerSession.open(ports, uri, { ledger: shard.ledger, plan, shard: shard.shard })
    const swept = session.ledger.epoch === 1 ? 0 : await sweepUploads(ports.storage, ledgerFolders(work, shard.ledger), session.ledger.epoch)
    if (swept > 0) ports.log('UploadsAborted', { shard: shard.shard, uploads: swept })
    const context: ShardContext = {
      ports,
      spec,
      provider: parts.provider,
      limits,
      source: parts.source,
      assembler: parts.assembler,
      rows,
      lease,
      session,
      sets: new RowSets(ports, `${work}sets/${shard.ledger}/`),
      work,
      report: ({ activity }) => parts.report({ mode: 'advance', shard: shard.shard, activity, ...progressOf(rows, session) }),
    }
    const waiting = await advanceOrWait(context)
    context.report({ activity: waiting === null ? 'done' : 'waiting' })
    return { ledger: session.ledger, waiting }
  } catch (error) {
    if (error instanceof Fenced) return busy
    throw error
  } finally {
    await releaseLease(ports, lease)
  }
}

async function advanceOrWait(context: ShardContext): Promise<Waiting | null> {
  try {
    return await advanceShard(context)
  } catch (error) {
    const atProvider = context.session.ledger.batches.some((batch) => batch.state === 'Created' || batch.state === 'Uploaded')
    if (!(error instanceof LlmbatchError) || error.code !== 'ProviderUnavailable' || !atProvider) throw error
    return { reason: error.code, message: error.message, seconds: Math.max(OUTAGE_SECONDS, context.limits.pollSeconds) }
  }
}

/** Least wait for a provider that does not answer, seconds. */
const OUTAGE_SECONDS = 15

/** A claim of a ledger that is not there means that the ledger was lost, with all that it knew of batches. Throws LedgerLost and makes nothing, so that it stays so. */
async function refuseLostLedger({ storage }: Ports, work: string, uri: string, ledger: string, rows: ShardRows): Promise<void> {
  if ((await storage.head(uri)) !== null) return
  for (const { key } of rows.chunks) {
    const found = await readChunk(storage, work + key)
    if (found === null || found.chunk.committed !== undefined || found.chunk.ledger !== ledger) continue
    // A runner that lost its lease while it looked may meet the claims of one that has just made the ledger.
    if ((await storage.head(uri)) !== null) return
    throw new LlmbatchError('LedgerLost', `the chunk ${work}${key} is claimed by the ledger ${uri}, which is gone`)
  }
}

/** A lease that cannot be given back runs out by itself, and what was done is durable. */
async function releaseLease(ports: Ports, lease: Lease): Promise<void> {
  try {
    await lease.release()
  } catch (error) {
    ports.log('LeaseNotReleased', { message: messageOf(error) })
  }
}

function progressOf(rows: ShardRows, session: LedgerSession): { readonly rowsTotal: number; readonly rowsSubmitted: number; readonly rowsDone: number } {
  const { ledger } = session
  const committed = rows.rowsOfChunks(IntervalSet.parse(ledger.chunks.committed)).size
  // For display: batches hold rows of chunks that are not committed yet.
  const open = ledger.batches.filter((batch) => batch.state === 'Created' || batch.state === 'Harvested').reduce((sum, batch) => sum + batch.requests, 0)
  return { rowsTotal: rows.size, rowsDone: committed, rowsSubmitted: Math.min(rows.size, committed + open) }
}
