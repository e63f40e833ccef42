/**
 * Appends made-up answers to each `<name>.input.parquet` of a folder, as `<name>.output.parquet`, through the assembler that
 * the merge uses: `node test/readers/append-fixtures.ts FOLDER`.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeAppendAssembler } from '../../runner/formats/append-assembler.ts'
import type { ChunkPart, RowOutcome } from '../../runner/formats/output-assembler.ts'
import { makeParquetRowSource } from '../../runner/formats/parquet-row-source.ts'
import { MemoryStorage } from '../../runner/storage/memory-storage.ts'

/** Small and odd, so that parts cross row groups and row groups hold several parts. */
const CHUNK_ROWS = 217
const COLUMNS = { response: 'llm_response', status: 'llm_status', error: 'llm_error', promptTokens: 'llm_prompt_tokens', completionTokens: 'llm_completion_tokens' }

/** The made-up outcome of a row: `check_readers.py` expects it back. */
function outcome(row: number): RowOutcome {
  if (row % 11 === 3) return { response: null, status: 'Refused', error: `row ${row} was refused`, promptTokens: null, completionTokens: null }
  return { response: `Answer ${row}: ${'naïve ☕ '.repeat(row % 13)}`, status: 'Succeeded', error: null, promptTokens: row, completionTokens: row % 100 }
}

async function* outcomes(from: number, to: number): AsyncIterable<RowOutcome> {
  for (let row = from; row < to; row += 1) yield await Promise.resolve(outcome(row))
}

async function append(input: Uint8Array): Promise<Uint8Array> {
  const storage = new MemoryStorage()
  const uri = 'memory://input.parquet'
  const file = { uri, etag: await storage.put(uri, input, { unconditional: true }), size: input.length }
  const { rows, rowGroupRows } = await makeParquetRowSource(storage).inspect(file)
  const assembler = makeAppendAssembler(storage)
  await assembler.check(file, COLUMNS)
  const parts: ChunkPart[] = []
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const to = Math.min(from + CHUNK_ROWS, rows)
    const bytes = Buffer.concat(await Array.fromAsync(assembler.encodePart(rowGroupRows, from, to, outcomes(from, to))))
    const partUri = `memory://parts/${from}-${to}`
    const etag = await storage.put(partUri, bytes, { ifNoneMatch: '*' })
    parts.push({ from, to, uri: partUri, etag, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })
  }
  const target = 'memory://output.parquet'
  const assembled = await assembler.assemble(file, COLUMNS, parts, target)
  await storage.completeUpload(target, assembled.uploadId, assembled.parts, { ifNoneMatch: '*' })
  const output = await storage.get(target)
  if (output === null || output.bytes.length !== assembled.size) throw new Error(`the output has not the ${assembled.size} bytes that were assembled`)
  return output.bytes
}

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: append-fixtures.ts FOLDER')
const inputs = readdirSync(folder).filter((name) => name.endsWith('.input.parquet'))
for (const name of inputs) {
  writeFileSync(join(folder, name.replace('.input.', '.output.')), await append(readFileSync(join(folder, name))))
}
console.log(`appended to ${inputs.length} files`)
