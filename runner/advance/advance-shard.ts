import { LlmbatchError } from '../../crds/errors.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { claimChunks } from './claim.ts'
import { commitChunks } from './commit.ts'
import { harvestBatch } from './harvest.ts'
import { recoverBatches } from './recover.ts'
import { readBatches, writeBatch, type ShardContext } from './shard-context.ts'
import { submitBatch } from './submit.ts'

/** Most creates and uploads of one run whose fate is left open before the provider counts as unavailable. */
const UNDECIDED_MOST = 3

/** Why a shard waits, and for how long. */
export interface Waiting {
  readonly reason: string
  readonly message: string
  readonly seconds: number
  /** Ledgers that have claimed the chunks that are left. */
  readonly elsewhere?: readonly string[]
}

/** Runs the steps, again while the fate of a create is open; null when the shard is done. */
export async function advanceShard(context: ShardContext): Promise<Waiting | null> {
  const { limits, session, rows } = context
  await checkAccount(context)
  for (let undecided = 0; ; undecided++) {
    const elsewhere = await claimChunks(context)
    await recoverBatches(context)
    await harvestEnded(context)
    await commitChunks(context)
    if (IntervalSet.parse(session.ledger.chunks.committed).size === rows.chunks.length) return null
    let submitted = await submitBatch(context)
    while (submitted.kind === 'Submitted') submitted = await submitBatch(context)
    if (submitted.kind === 'Wait') return { reason: 'RateLimited', message: submitted.message, seconds: submitted.seconds }
    if (submitted.kind === 'Undecided') {
      if (undecided === UNDECIDED_MOST) throw new LlmbatchError('ProviderUnavailable', submitted.message)
      continue
    }
    if (session.ledger.batches.some((batch) => batch.state === 'Created')) return { reason: 'WaitingForProvider', message: 'batches are at the provider', seconds: limits.pollSeconds }
    if (elsewhere.size === 0) throw new LlmbatchError('InternalError', `ledger ${session.ledger.ledger} has chunks left, but nothing to send and nothing open`)
    const ledgers = [...new Set(elsewhere.values())]
    const message = `${elsewhere.size} chunks are claimed by ${ledgers.length === 1 ? 'ledger' : 'ledgers'} ${ledgers.slice(0, 3).join(', ')}: the same rows in another packing`
    return { reason: 'WorkClaimedElsewhere', message, seconds: Math.max(limits.pollSeconds, limits.leaseSeconds), elsewhere: ledgers }
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

/** Looks at every open batch and takes in those that ended. */
async function harvestEnded(context: ShardContext): Promise<void> {
  for (const read of await readBatches(context)) {
    const { batch } = read
    if (batch.state !== 'Created' || batch.batchId === undefined) continue
    const { state } = await context.provider.get(batch.batchId)
    switch (state.kind) {
      case 'Open':
        break
      case 'Ended':
        await harvestBatch(context, read, state)
        break
      case 'Failed':
        await writeBatch(context, { ...batch, state: 'Void' })
        // Deleting its file is how recovery stops a create that comes late; then its failure is our own doing.
        if (batch.fenced !== true && !state.waitable) throw new LlmbatchError('BatchRejected', `batch ${batch.batchId} failed: ${state.message}`)
        context.ports.log('BatchFailed', { batch: batch.batchId, message: state.message })
        break
    }
  }
}
