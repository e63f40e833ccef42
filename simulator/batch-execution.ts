import type { BatchUsage } from 'openai/resources/batches'
import { seconds } from './batch-object.ts'
import { executeRow, fateOf, type NotExecuted, type RowEnd, skippedRow } from './batch-row.ts'
import { endedAtMs, executedUntilMs, rowExecutedAtMs, statusAt } from './batch-timeline.ts'
import { parseInputLine } from './batch-validation.ts'
import { type BillLine, costOf } from './bill.ts'
import { readLines } from './line-reader.ts'
import { LineShuffle } from './line-shuffle.ts'
import { LineWriter } from './line-writer.ts'
import { type BatchRecord, type BatchResult, billName, type FileRecord } from './records.ts'
import { hexOf } from './seeded-random.ts'
import type { SimulatorStore } from './store.ts'

/** What a batch leaves at its end: its result, and its files' records. */
export interface BatchEnd {
  readonly result: BatchResult
  readonly files: readonly FileRecord[]
}

/** A result file under way: shuffled lines. */
class ResultFile {
  readonly id: string
  lines = 0
  readonly #writer: LineWriter
  readonly #shuffle: LineShuffle

  constructor(id: string, writer: LineWriter) {
    this.id = id
    this.#writer = writer
    this.#shuffle = new LineShuffle(id)
  }

  add(end: RowEnd): void {
    this.lines += 1
    const line = this.#shuffle.push(JSON.stringify(end.line))
    if (line !== null) this.#writer.add(line)
  }

  flush(): Promise<void> {
    return this.#writer.flush()
  }

  abandon(): Promise<null> {
    return this.#writer.abandon()
  }

  /** Ends the file; its size in bytes, or null when there is nothing in it. */
  async close(): Promise<number | null> {
    for (const line of this.#shuffle.drain()) this.#writer.add(line)
    return this.lines === 0 ? this.#writer.abandon() : this.#writer.commit()
  }
}

function billLine(batch: BatchRecord, end: RowEnd): BillLine {
  const billed = end.outcome === 'succeeded'
  return {
    customId: end.line.custom_id,
    batchId: batch.id,
    outcome: end.outcome,
    billed,
    inputTokens: end.inputTokens,
    outputTokens: end.outputTokens,
    cost: billed ? costOf(end.inputTokens, end.outputTokens) : '0',
  }
}

interface Results {
  readonly output: ResultFile
  readonly errors: ResultFile
  readonly bill: LineWriter
}

interface Tokens {
  input: number
  output: number
}

async function executeRows(batch: BatchRecord, endedAt: number, total: number, content: AsyncIterable<Uint8Array>, results: Results): Promise<Tokens> {
  const skipped: NotExecuted = statusAt(batch, endedAt) === 'cancelled' ? 'cancelled' : 'expired'
  const until = executedUntilMs(batch)
  const tokens: Tokens = { input: 0, output: 0 }
  let index = 0
  for await (const lines of readLines(content)) {
    for (const line of lines) {
      const { customId, body } = parseInputLine(line, batch.endpoint)
      const row = { batchId: batch.id, customId }
      const fate = fateOf(customId, batch.plan.seed, batch.plan.rows)
      const executedAt = rowExecutedAtMs(batch, index, total)
      const end = fate === 'expired' || executedAt > until ? skippedRow(row, skipped) : executeRow(row, fate, body, seconds(executedAt))
      const file = end.outcome === 'succeeded' ? results.output : results.errors
      file.add(end)
      results.bill.add(JSON.stringify(billLine(batch, end)))
      tokens.input += end.inputTokens
      tokens.output += end.outputTokens
      index += 1
    }
    for (const each of [results.output, results.errors, results.bill]) await each.flush()
  }
  return tokens
}

function fileRecord(batch: BatchRecord, kind: string, id: string, bytes: number, createdAtMs: number): FileRecord {
  return {
    kind: 'file',
    id,
    sequence: batch.sequence,
    organization: batch.organization,
    filename: `${batch.id}_${kind}.jsonl`,
    purpose: 'batch_output',
    bytes,
    createdAtMs,
    expiresAtMs: createdAtMs + batch.outputExpiresSeconds * 1000,
    deletedAtMs: null,
  }
}

/**
 * Executes a valid batch that has ended: writes its output, error file and bill lines as contents. The same batch always
 * writes the same bytes, so doing it again after a crash changes nothing; it counts when the returned records are put.
 */
export async function executeBatch(batch: BatchRecord, content: AsyncIterable<Uint8Array>, store: SimulatorStore): Promise<BatchEnd> {
  const endedAt = endedAtMs(batch)
  if (endedAt === null || batch.validation?.valid !== true) throw new Error(`batch ${batch.id} has not ended`)
  const open = async (kind: string): Promise<ResultFile> => {
    const id = `file-${hexOf(`${batch.id} ${kind}`, 24)}`
    return new ResultFile(id, new LineWriter(await store.createContent(id)))
  }
  const results: Results = { output: await open('output'), errors: await open('error'), bill: new LineWriter(await store.createContent(billName(batch.id))) }
  try {
    const tokens = await executeRows(batch, endedAt, batch.validation.total, content, results)
    const { output, errors } = results
    await results.bill.commit()
    const createdAtMs = endedAt + batch.plan.outputFileLagMs
    const files: FileRecord[] = []
    for (const [kind, file] of [['output', output], ['error', errors]] as const) {
      const bytes = await file.close()
      if (bytes !== null) files.push(fileRecord(batch, kind, file.id, bytes, createdAtMs))
    }
    const usage: BatchUsage = {
      input_tokens: tokens.input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: tokens.output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: tokens.input + tokens.output,
    }
    const idOf = (file: ResultFile): string | null => (file.lines === 0 ? null : file.id)
    return { result: { outputFileId: idOf(output), errorFileId: idOf(errors), completed: output.lines, failed: errors.lines, usage }, files }
  } catch (error) {
    for (const each of [results.output, results.errors, results.bill]) await each.abandon()
    throw error
  }
}
