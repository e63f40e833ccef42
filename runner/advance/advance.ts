import { LlmbatchError } from '../../crds/errors.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { batchCost } from '../../crds/money.ts'
import { shardOf } from '../../crds/runner-environment.ts'
import { workUri } from '../../crds/work-uri.ts'
import { Fenced } from '../ledger/fenced.ts'
import { Lease } from '../ledger/lease.ts'
import { LedgerSession } from '../ledger/ledger-session.ts'
import { RowSets } from '../ledger/row-sets.ts'
import { pollTime, type Parts, type RunMode } from '../mode.ts'
import { PlanReader } from '../plan/plan-object.ts'
import { claimChunks } from './claim.ts'
import { commitChunks } from './commit.ts'
import { harvestBatch } from './harvest.ts'
import { recoverBatches } from './recover.ts'
import { readBatches, writeBatch, type ShardContext } from './shard-context.ts'
import { ShardRows } from './shard-rows.ts'
import { submitBatch } from './submit.ts'

/** Most creates and uploads of one run whose fate is left open before the provider counts as unavailable. */
const UNDECIDED_MOST = 3

/** Why a shard waits. */
interface Waiting {
  readonly reason: string
  readonly message: string
  readonly seconds: number
}

/**
 * Advances one shard as far as it can go now: claims its chunks, settles what an earlier runner left open, harvests batches that ended, commits
 * chunks, submits what may be sent. Ends `done` when every chunk is committed, else `waiting` with the time of the next look.
 */
export const advance: RunMode = async (parts, input) => {
  const { ports, limits } = parts
  if (input.plan === undefined) throw new LlmbatchError('InternalError', 'advance needs LLMBATCH_PLAN')
  const reader = await PlanReader.open(ports.storage, input.plan)
  const header = await reader.header()
  const shardIndex = shardOf(input)
  const shard = await reader.shard(shardIndex)
  const rows = new ShardRows(header, shard)
  const work = workUri(input.spec)
  const identity = { ledger: shard.ledger, plan: input.plan, shard: shardIndex }
  const lease = await Lease.acquire(ports, `${work}leases/${shard.ledger}.json`, limits.leaseSeconds)
  if (lease === null) return busy(parts, shardIndex)
  let released = false
  try {
    const session = await LedgerSession.open(ports, `${work}ledgers/${shard.ledger}.json`, identity)
    const context: ShardContext = {
      ports,
      spec: input.spec,
      provider: parts.provider,
      limits,
      source: parts.source,
      assembler: parts.assembler,
      rows,
      lease,
      session,
      sets: new RowSets(ports, `${work}sets/${shard.ledger}/`),
      work,
      report: ({ activity }) => parts.report({ mode: 'advance', shard: shardIndex, activity, ...progressOf(rows, session) }),
    }
    const waiting = await advanceShard(context)
    context.report({ activity: waiting === null ? 'done' : 'waiting' })
    released = true
    await lease.release()
    return outcomeOf(parts, context, shardIndex, header.price, waiting)
  } catch (error) {
    if (error instanceof Fenced) return busy(parts, shardIndex)
    throw error
  } finally {
    if (!released) await lease.release()
  }
}

/** Runs the steps until none of them changes anything; null when the shard is done. */
async function advanceShard(context: ShardContext): Promise<Waiting | null> {
  const { limits, session, rows } = context
  await checkAccount(context)
  let undecided = 0
  for (;;) {
    const elsewhere = await claimChunks(context)
    const recovered = await recoverBatches(context)
    const harvested = await harvestEnded(context)
    const committed = await commitChunks(context)
    if (IntervalSet.parse(session.ledger.chunks.committed).size === rows.chunks.length) return null
    const submitted = await submitBatch(context)
    if (submitted.kind === 'Wait') return { reason: 'RateLimited', message: submitted.message, seconds: submitted.seconds }
    if (submitted.kind === 'Undecided' && ++undecided > UNDECIDED_MOST) throw new LlmbatchError('ProviderUnavailable', submitted.message)
    if (submitted.kind !== 'NothingToSend' || recovered || harvested || committed > 0) continue
    if (session.ledger.batches.some((batch) => batch.state === 'Created')) return { reason: 'WaitingForProvider', message: 'batches are at the provider', seconds: limits.pollSeconds }
    if (!elsewhere.isEmpty) {
      return { reason: 'WorkClaimedElsewhere', message: `${elsewhere.size} chunks are being worked on by another job with the same request`, seconds: Math.max(limits.pollSeconds, limits.leaseSeconds) }
    }
    throw new LlmbatchError('InternalError', `shard ledger ${session.ledger.ledger} has chunks left, but nothing to send and nothing open`)
  }
}

/** Batches can be read and cancelled only by the account that made them. */
async function checkAccount(context: ShardContext): Promise<void> {
  const open = context.session.ledger.batches.filter((batch) => batch.state === 'Created' || batch.state === 'Uploaded')
  if (open.length === 0) return
  const account = await context.provider.account()
  const foreign = open.find((batch) => batch.account !== account)
  if (foreign !== undefined) throw new LlmbatchError('ProviderAccountChanged', `batch ${foreign.batchId ?? foreign.identity} was made by account ${foreign.account}; the credentials belong to ${account}`)
}

/** Looks at every open batch and takes in those that ended. Returns whether there was one. */
async function harvestEnded(context: ShardContext): Promise<boolean> {
  let harvested = false
  for (const read of await readBatches(context)) {
    const { batch } = read
    if (batch.state !== 'Created' || batch.batchId === undefined) continue
    const { state } = await context.provider.get(batch.batchId)
    switch (state.kind) {
      case 'Open':
        break
      case 'Ended':
        await harvestBatch(context, read, state)
        harvested = true
        break
      case 'Failed':
        await writeBatch(context, { ...batch, state: 'Void' })
        harvested = true
        // Deleting its file is how recovery stops a create that comes late; then its failure is our own doing.
        if (batch.fenced !== true && !state.waitable) throw new LlmbatchError('BatchRejected', `batch ${batch.batchId} failed: ${state.message}`)
        context.ports.log('BatchFailed', { batch: batch.batchId, message: state.message })
        break
    }
  }
  return harvested
}

function progressOf(rows: ShardRows, session: LedgerSession): { readonly rowsTotal: number; readonly rowsSubmitted: number; readonly rowsDone: number } {
  const { ledger } = session
  const committed = rows.rowsOfChunks(IntervalSet.parse(ledger.chunks.committed)).size
  // For display: batches hold rows of chunks that are not committed yet.
  const open = ledger.batches.filter((batch) => batch.state === 'Created' || batch.state === 'Harvested').reduce((sum, batch) => sum + batch.requests, 0)
  return { rowsTotal: rows.size, rowsDone: committed, rowsSubmitted: Math.min(rows.size, committed + open) }
}

function busy(parts: Parts, shard: number): Outcome {
  return {
    schemaVersion: 1,
    mode: 'advance',
    result: 'waiting',
    reason: 'ShardBusy',
    message: 'another runner works on the shard',
    nextPollTime: pollTime(parts, Math.max(1, parts.limits.leaseSeconds / 2)),
    shard,
  }
}

function outcomeOf(parts: Parts, context: ShardContext, shard: number, price: Parameters<typeof batchCost>[1], waiting: Waiting | null): Outcome {
  const { ledger } = context.session
  const tokens = { input: ledger.totals.inputTokens, output: ledger.totals.outputTokens }
  return {
    schemaVersion: 1,
    mode: 'advance',
    result: waiting === null ? 'done' : 'waiting',
    ...(waiting === null ? {} : { reason: waiting.reason, message: waiting.message.slice(0, 1024), nextPollTime: pollTime(parts, waiting.seconds) }),
    shard,
    chunks: ledger.chunks.committed,
    rows: { total: context.rows.size, succeeded: ledger.totals.succeeded, failed: ledger.totals.failed },
    tokens,
    cost: batchCost(tokens, price),
    epoch: ledger.epoch,
    seq: ledger.seq,
  }
}
