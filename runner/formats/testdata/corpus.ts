import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { MemoryStorage } from '../../storage/memory-storage.ts'
import type { ChunkPart, OutputAssembler, OutputColumns, RowOutcome } from '../output-assembler.ts'
import type { SourceFile } from '../row-source.ts'

/** A test file in memory storage. */
export interface StoredFile {
  readonly storage: MemoryStorage
  readonly file: SourceFile
  readonly bytes: Uint8Array
}

const BAD = ['PARQUET-1481', 'ARROW-RS-GH-6229-DICTHEADER', 'ARROW-RS-GH-6229-LEVELS', 'ARROW-GH-47662']
const names = readdirSync(import.meta.dirname).filter((name) => /\.parquet(\.encrypted)?$/.test(name))

/** Files that every reader can read. */
export const GOOD_FILES = names.filter((name) => !name.endsWith('.encrypted') && !BAD.some((bad) => name.startsWith(bad)))
export const ENCRYPTED_FILES = names.filter((name) => name.endsWith('.encrypted'))

export const COLUMNS: OutputColumns = { response: 'llm_response', status: 'llm_status', error: 'llm_error', promptTokens: 'llm_prompt_tokens', completionTokens: 'llm_completion_tokens' }

export function testFile(name: string): Uint8Array {
  return readFileSync(`${import.meta.dirname}/${name}`)
}

/** What PyArrow reads: by file, by column; a string says why it reads nothing. */
export function expectedValues(): Readonly<Record<string, Readonly<Record<string, unknown>> | string>> {
  return JSON.parse(readFileSync(`${import.meta.dirname}/expected-values.json`, 'utf8')) as Record<string, Record<string, unknown> | string>
}

export async function stored(bytes: Uint8Array, uri = 'memory://input.parquet'): Promise<StoredFile> {
  const storage = new MemoryStorage()
  const etag = await storage.put(uri, bytes, { unconditional: true })
  return { storage, file: { uri, etag, size: bytes.length }, bytes }
}

/** Offset of a file's footer. */
export function footerStart(bytes: Uint8Array): number {
  return bytes.length - 8 - Buffer.from(bytes).readUInt32LE(bytes.length - 8)
}

export function footerOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(footerStart(bytes), bytes.length - 8)
}

/** A made-up outcome; every third row failed. */
export function outcome(row: number): RowOutcome {
  if (row % 3 === 1) return { response: null, status: 'Refused', error: `no ${row}`, promptTokens: null, completionTokens: null }
  return { response: `answer ${row} ✓`, status: 'Succeeded', error: null, promptTokens: row - 2, completionTokens: 2 ** 31 - 1 - row }
}

export async function* stream<T>(values: Iterable<T>): AsyncIterable<T> {
  for (const value of values) yield await Promise.resolve(value)
}

/** Writes one part with these rows' outcomes. */
export async function storePart({ storage }: StoredFile, assembler: OutputAssembler, rowGroupRows: readonly number[], from: number, outcomes: readonly RowOutcome[]): Promise<ChunkPart> {
  const to = from + outcomes.length
  const bytes = Buffer.concat(await Array.fromAsync(assembler.encodePart(rowGroupRows, from, to, stream(outcomes))))
  const uri = `memory://parts/${from}-${to}`
  const etag = await storage.put(uri, bytes, { unconditional: true })
  return { from, to, uri, etag, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** Appends outcomes in chunks of so many rows and returns the finished output. */
export async function append(input: StoredFile, assembler: OutputAssembler, rowGroupRows: readonly number[], outcomes: readonly RowOutcome[], chunkRows: number): Promise<Uint8Array> {
  const parts: ChunkPart[] = []
  for (let from = 0; from < outcomes.length; from += chunkRows) parts.push(await storePart(input, assembler, rowGroupRows, from, outcomes.slice(from, from + chunkRows)))
  const target = 'memory://output.parquet'
  const { uploadId, parts: uploaded, size } = await assembler.assemble(input.file, COLUMNS, parts, target)
  const etag = await input.storage.completeUpload(target, uploadId, uploaded, { unconditional: true })
  return Buffer.concat(await Array.fromAsync(input.storage.read(target, 0, size, etag)))
}
