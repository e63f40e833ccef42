import { LlmbatchError } from '../../crds/errors.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import { workUri } from '../../crds/work-uri.ts'
import { ledgerUri, readLedger } from '../ledger/ledger-session.ts'
import type { Parts } from '../mode.ts'
import { PlanReader } from '../plan/plan-object.ts'
import { advanceLedger } from './advance-ledger.ts'
import type { Waiting } from './advance-shard.ts'

/** What came of helping. */
export interface Helped {
  /** A ledger that held our chunks is done: look at them again. */
  readonly done: boolean
  /** Why the others are not. */
  readonly waiting: Waiting | null
}

/**
 * Advances ledgers of other packings of the same rows, which hold chunks of ours and which nobody may be working on: the same job was stopped and has another
 * `shardRows` or more files since. A ledger with rows of files that this job does not have is left alone: they are not ours to buy.
 */
export async function helpLedgers(parts: Parts, spec: LlmBatchJobSpec, ours: PlanHeader, ledgers: readonly string[]): Promise<Helped> {
  let done = false
  let waiting: Waiting | null = null
  for (const ledger of ledgers) {
    const helped = await helpOne(parts, spec, ours, ledger)
    if (helped === null) done = true
    else waiting = helped
  }
  return { done, waiting }
}

async function helpOne(parts: Parts, spec: LlmBatchJobSpec, ours: PlanHeader, id: string): Promise<Waiting | null> {
  const { storage } = parts.ports
  const uri = ledgerUri(workUri(spec), id)
  const ledger = await readLedger(storage, uri)
  if (ledger === null) throw new LlmbatchError('LedgerLost', `the ledger ${uri}, which claimed chunks of this shard, is gone`)
  const reader = await PlanReader.open(storage, ledger.plan)
  const header = await reader.header()
  const shard = await reader.shard(ledger.shard)
  const files = new Set(ours.inputs.map((input) => input.fileId))
  const foreign = shard.chunks.map((chunk) => header.inputs[chunk.file]).find((input) => input !== undefined && !files.has(input.fileId))
  if (foreign !== undefined) {
    const message = `ledger ${id} of plan ${header.digest} has claimed rows of this job together with rows of ${foreign.uri}, which this job does not read; run the job that reads both, or change spec.work.uri to ask for all rows again`
    return { reason: 'WorkClaimedElsewhere', message, seconds: Math.max(parts.limits.pollSeconds, parts.limits.leaseSeconds) }
  }
  return (await advanceLedger(parts, spec, { plan: ledger.plan, header, shard })).waiting
}
