import { createHash } from 'node:crypto'
import { LlmbatchError } from '../../crds/errors.ts'
import type { LedgerBatch } from '../../crds/generated/ledger.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { sendableRows } from '../ledger/attempts.ts'
import type { AttemptRows } from '../ledger/row-sets.ts'
import { stillNeeded } from '../ledger/still-needed.ts'
import { compileTemplate, distinctColumns, renderPrompt } from '../plan/prompt-template.ts'
import { nonce } from '../ports/random.ts'
import type { ScratchFile } from '../ports/scratch.ts'
import type { CallResult } from '../provider/batch-provider.ts'
import { readBatches, writeBatch, type ShardContext } from './shard-context.ts'

/** Most batches of one shard that are open at the provider. */
const OPEN_BATCHES = 50
/** Wait when the provider says that it takes no more for now and not for how long, seconds. */
const RATE_LIMIT_WAIT = 30

/** A batch file on scratch disk. */
interface Spooled {
  readonly file: ScratchFile
  readonly sha256: string
  readonly requests: number
  readonly members: readonly AttemptRows[]
}

export type SubmitResult =
  | { readonly kind: 'Submitted' }
  | { readonly kind: 'NothingToSend' }
  /** The fate of the upload or the create is open: recover. */
  | { readonly kind: 'Undecided'; readonly message: string }
  /** The provider takes no more for now. */
  | { readonly kind: 'Wait'; readonly seconds: number; readonly message: string }

/**
 * Submits one batch of the rows that may be sent now. The intent, with its members and the upload's digest, is durable before anything is sent; the
 * file id is durable before the create, which is sent once. Throws AuthFailed, BatchRejected, ProviderAccountChanged, Fenced.
 */
export async function submitBatch(context: ShardContext): Promise<SubmitResult> {
  const { session, rows, sets, provider } = context
  if (session.ledger.batches.filter((batch) => batch.state === 'Created').length >= OPEN_BATCHES) return { kind: 'NothingToSend' }
  const owned = rows.rowsOfChunks(IntervalSet.parse(session.ledger.chunks.claimed))
  const batches = await readBatches(context)
  const sendable = sendableRows(owned, batches)
  if (sendable.length === 0) return { kind: 'NothingToSend' }
  const account = await provider.account()
  context.report({ activity: 'encoding' })
  const spooled = await spool(context, sendable)
  try {
    const batch: LedgerBatch = {
      identity: batchIdentity(context),
      epoch: session.ledger.epoch,
      state: 'Intended',
      members: await sets.encode(spooled.members),
      requests: spooled.requests,
      bytes: spooled.file.size,
      sha256: spooled.sha256,
      account,
    }
    // Batches that only this one's rows kept in the ledger leave it here: a provider that says no for hours must not fill it.
    const committed = rows.rowsOfChunks(IntervalSet.parse(session.ledger.chunks.committed))
    const needed = stillNeeded([...batches, { batch, members: spooled.members, again: [] }], committed)
    await session.write({ batches: needed.map((read) => read.batch) })
    return await sendBatch(context, batch, spooled)
  } finally {
    await spooled.file.remove()
  }
}

/** Unique even if the ledger is lost and made again: the nonce sees to that. */
function batchIdentity({ session, ports }: ShardContext): string {
  return `llmbatch-${session.ledger.ledger}-${session.ledger.epoch}-${session.ledger.seq + 1}-${nonce(ports.random).slice(0, 8)}`
}

async function sendBatch(context: ShardContext, intent: LedgerBatch, spooled: Spooled): Promise<SubmitResult> {
  const { provider, lease } = context
  context.report({ activity: 'uploading' })
  await lease.confirmHeld()
  const uploaded = await provider.upload(intent.identity, spooled.file.stream(0, spooled.file.size), spooled.file.size)
  // An upload costs nothing and its file is found by name: recovery settles an unclear one like one that was cut off.
  if (uploaded.kind === 'Ambiguous') return { kind: 'Undecided', message: `upload of a batch file: ${uploaded.message}` }
  if (uploaded.kind === 'Rejected') return rejected(context, intent, uploaded)
  const batch: LedgerBatch = { ...intent, state: 'Uploaded', file: uploaded.value }
  await writeBatch(context, batch)
  await lease.confirmHeld()
  const created = await provider.create(uploaded.value.id, intent.identity)
  switch (created.kind) {
    case 'Accepted':
      await writeBatch(context, { ...batch, state: 'Created', batchId: created.value.id })
      return { kind: 'Submitted' }
    case 'Ambiguous':
      return { kind: 'Undecided', message: `create of a batch: ${created.message}` }
    case 'Rejected':
      return rejected(context, batch, created)
  }
}

/** The provider itself said no: the batch is void, its file goes, and the words decide what follows. */
async function rejected(context: ShardContext, batch: LedgerBatch, no: Extract<CallResult<never>, { kind: 'Rejected' }>): Promise<SubmitResult> {
  // Before the file goes: a newer runner may have fenced us by deleting it, and then this write stops us.
  await writeBatch(context, { ...batch, state: 'Void' })
  if (batch.file !== undefined) await context.provider.deleteFile(batch.file.id)
  if (no.status === 401 || no.status === 403) throw new LlmbatchError('AuthFailed', `the provider answered ${no.status}: ${no.message}`)
  if (no.status === 429) return { kind: 'Wait', seconds: no.retryAfterSeconds ?? RATE_LIMIT_WAIT, message: no.message }
  throw new LlmbatchError('BatchRejected', `the provider answered ${no.status}: ${no.message}`)
}

/** Encodes rows to scratch until the provider's limits close the batch. Memory: one window of rows, and 8 bytes for each row taken. */
async function spool(context: ShardContext, sendable: readonly AttemptRows[]): Promise<Spooled> {
  const { limits } = context
  const file = await context.ports.scratch.create()
  const hash = createHash('sha256')
  const members: AttemptRows[] = []
  let requests = 0
  let full = false
  for (const pool of sendable) {
    const taken: number[] = []
    for await (const { row, line } of requestLines(context, pool)) {
      if (line.length > limits.batchBytes) throw new LlmbatchError('RecordTooLarge', `${row.file} row ${row.fileRow}: its request takes ${line.length} bytes; the limit is ${limits.batchBytes}`)
      full = requests === limits.batchRequests || file.size + line.length > limits.batchBytes
      if (full) break
      hash.update(line)
      await file.append(line)
      requests++
      taken.push(row.shardRow)
    }
    if (taken.length > 0) members.push({ ...pool, rows: IntervalSet.of(taken) })
    if (full) break
  }
  return { file, sha256: hash.digest('hex'), requests, members }
}

interface RowPlace {
  readonly shardRow: number
  readonly file: string
  readonly fileRow: number
}

async function* requestLines(context: ShardContext, pool: AttemptRows): AsyncGenerator<{ readonly row: RowPlace; readonly line: Uint8Array }> {
  const template = compileTemplate(context.spec.request.prompt)
  const { columns, slots } = distinctColumns(template)
  for (const { chunk, from, to } of context.rows.spans(pool.rows)) {
    const shift = chunk.from - chunk.start
    for await (const window of context.source.read(chunk.file, columns, from + shift, to + shift)) {
      const count = window.values[0]?.length ?? 0
      for (let i = 0; i < count; i++) {
        const shardRow = window.from - shift + i
        if (!pool.rows.has(shardRow)) continue
        const prompt = renderPrompt(template, (place) => window.values[slots[place] ?? 0]?.[i] ?? null)
        const line = context.provider.requestLine(context.rows.customId(chunk, shardRow, pool.attempt), prompt)
        yield { row: { shardRow, file: chunk.file.uri, fileRow: window.from + i }, line }
      }
    }
  }
}
