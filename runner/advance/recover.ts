import { LlmbatchError } from '../../crds/errors.ts'
import type { LedgerBatch } from '../../crds/generated/ledger.ts'
import { CLOCK_MARGIN, type ProviderBatch } from '../provider/batch-provider.ts'
import { writeBatch, type ShardContext } from './shard-context.ts'

/**
 * Settles every batch whose fate is open. One that never got a file id cannot have been created: its stray files are removed. One
 * with a file id may have been: it is looked up by that id and adopted, whatever its state; if it is not listed, the file is deleted, so that a
 * create which is still under way fails, and only when a second complete listing after `settleSeconds` shows nothing is it void. Throws
 * ProviderUnavailable when a listing is not complete: then nothing is decided.
 */
export async function recoverBatches(context: ShardContext): Promise<void> {
  const intended = context.session.ledger.batches.filter((batch) => batch.state === 'Intended')
  for (const batch of intended) {
    for (const file of await context.provider.findFiles(batch.identity)) await context.provider.deleteFile(file)
    await writeBatch(context, { ...batch, state: 'Void' })
  }
  const uploaded = context.session.ledger.batches.filter((batch) => batch.state === 'Uploaded')
  if (uploaded.length === 0) return
  context.report({ activity: 'recovering' })
  const missing = await adoptListed(context, uploaded)
  if (missing.length === 0) return
  for (const batch of missing) {
    await checkFileIsOurs(context, batch)
    const fenced = { ...batch, fenced: true }
    if (batch.fenced !== true) await writeBatch(context, fenced)
    if (batch.file !== undefined) await context.provider.deleteFile(batch.file.id)
  }
  await context.ports.clock.sleep(context.limits.settleSeconds * 1000)
  const settled = await adoptListed(context, missing.map((batch) => ({ ...batch, fenced: true })))
  for (const batch of settled) await writeBatch(context, { ...batch, state: 'Void' })
}

/**
 * A file that nobody but recovery deletes, and that these credentials do not show, is another account's: then its batch would not be listed either,
 * and an empty listing says nothing. Throws ProviderAccountChanged.
 */
async function checkFileIsOurs(context: ShardContext, { fenced, file, account }: LedgerBatch): Promise<void> {
  if (fenced === true || file === undefined || (await context.provider.fileExists(file.id))) return
  throw new LlmbatchError('ProviderAccountChanged', `file ${file.id}, uploaded by account ${account}, cannot be seen with these credentials`)
}

/** Adopts the batches that one complete listing shows; returns the others. */
async function adoptListed(context: ShardContext, batches: readonly LedgerBatch[]): Promise<LedgerBatch[]> {
  const since = Math.min(...batches.map((batch) => batch.file?.createdAt ?? 0)) - CLOCK_MARGIN
  const listed = await context.provider.list(since)
  const missing: LedgerBatch[] = []
  for (const batch of batches) {
    const found = findBatch(listed, batch)
    if (found === undefined) missing.push(batch)
    else await writeBatch(context, { ...batch, state: 'Created', batchId: found.id })
  }
  return missing
}

/** The input file decides; servers that do not show it may keep the metadata. */
function findBatch(listed: readonly ProviderBatch[], batch: LedgerBatch): ProviderBatch | undefined {
  return listed.find((item) => item.inputFileId === batch.file?.id) ?? listed.find((item) => item.identity === batch.identity)
}
