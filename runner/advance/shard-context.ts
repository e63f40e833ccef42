import type { LedgerBatch } from '../../crds/generated/ledger.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { RunnerProgress } from '../../crds/progress.ts'
import type { OutputAssembler } from '../formats/output-assembler.ts'
import type { RowSource } from '../formats/row-source.ts'
import type { LedgerSession } from '../ledger/ledger-session.ts'
import type { Lease } from '../ledger/lease.ts'
import type { ReadBatch, RowSets } from '../ledger/row-sets.ts'
import type { Ports } from '../ports/ports.ts'
import type { BatchProvider } from '../provider/batch-provider.ts'
import type { ProviderLimits } from '../provider/limits.ts'
import type { ShardRows } from './shard-rows.ts'

/** Everything that the steps of `advance` work with. */
export interface ShardContext {
  readonly ports: Ports
  readonly spec: LlmBatchJobSpec
  readonly provider: BatchProvider
  readonly limits: ProviderLimits
  readonly source: RowSource
  readonly assembler: OutputAssembler
  readonly rows: ShardRows
  readonly lease: Lease
  readonly session: LedgerSession
  readonly sets: RowSets
  /** Work URI; ends in `/`. */
  readonly work: string
  readonly report: (progress: Pick<RunnerProgress, 'activity'>) => void
}

/** The ledger's batches with their row sets. */
export async function readBatches(context: ShardContext): Promise<ReadBatch[]> {
  const batches: ReadBatch[] = []
  for (const batch of context.session.ledger.batches) batches.push(await context.sets.decode(batch))
  return batches
}

/** Writes one changed batch to the ledger. */
export async function writeBatch(context: ShardContext, changed: LedgerBatch): Promise<void> {
  await context.session.write({
    batches: context.session.ledger.batches.map((batch) => (batch.identity === changed.identity ? changed : batch)),
  })
}
