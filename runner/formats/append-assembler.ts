import { LlmbatchError } from '../../crds/errors.ts'
import { mapAhead } from '../storage/map-ahead.ts'
import type { Storage, UploadedPart } from '../storage/storage.ts'
import { ADDED_FIELDS, namedColumns, type AddedColumn } from './added-columns.ts'
import { encodeChunkPart } from './chunk-part.ts'
import { mergeStatistics } from './column-statistics.ts'
import { appendToFooter, footerGrowth, type AddedChunk } from './footer-append.ts'
import { readFooter, TRAILER_SIZE } from './footer-reader.ts'
import type { AssembledOutput, ChunkPart, OutputAssembler, OutputColumns } from './output-assembler.ts'
import { parseFooter, type ParquetFooter } from './parquet-footer.ts'
import { PartReader } from './part-reader.ts'
import { asInputChanged, streamPinned } from './pinned-read.ts'
import type { SourceFile } from './row-source.ts'
import { UploadWriter, uploadPartSize } from './upload-writer.ts'

/**
 * An assembler that appends: the output is the input's bytes up to its footer, unread and unchanged, then the pages of the
 * new columns, then one new footer. Every type, index and bloom filter of the input survives, for none is touched.
 *
 * The new columns get no page index; readers take their absence for "read the pages".
 *
 * `assemble` leaves its upload open when it fails, as a crash would. Memory: the output, but at most one upload part (8 MiB, or a 10,000th of an
 * output over 80 GB), the footer twice, and the indexes of the parts of one row group.
 */
export function makeAppendAssembler(storage: Storage): OutputAssembler {
  return {
    async check(file, names) {
      const { footer, columns } = await openInput(storage, file, names)
      // Building a footer without data shows whether the copies of the schema in its metadata can be extended.
      appendToFooter(file.uri, footer, columns, footer.rowGroups.map(() => columns.map(() => NO_DATA)))
    },
    encodePart: encodeChunkPart,
    assemble: (file, names, parts, targetUri) => assemble(storage, file, names, parts, targetUri),
  }
}

const NO_DATA: AddedChunk = { offset: 0, size: 0, uncompressedSize: 0, statistics: { nulls: 0, min: null, max: null } }

interface OpenInput {
  readonly footer: ParquetFooter
  readonly footerStart: number
  readonly columns: readonly AddedColumn[]
}

async function openInput(storage: Storage, file: SourceFile, names: OutputColumns): Promise<OpenInput> {
  const { start, bytes } = await readFooter(storage, file)
  const footer = parseFooter(file.uri, bytes)
  return { footer, footerStart: start, columns: namedColumns(file.uri, footer.columns, names) }
}

async function assemble(
  storage: Storage, file: SourceFile, names: OutputColumns, parts: readonly ChunkPart[], targetUri: string,
): Promise<AssembledOutput> {
  const { footer, footerStart, columns } = await openInput(storage, file, names)
  checkCoverage(file, parts, footer.rows)
  const added = parts.reduce((sum, part) => sum + part.size, 0)
  const most = file.size + added + footerGrowth(footer, columns)
  const partSize = uploadPartSize(most)
  const uploadId = await storage.beginUpload(targetUri)

  const copied = await copyWholeParts(storage, file, footerStart, partSize, targetUri, uploadId)
  const copiedSize = copied.length * partSize
  const writer = new UploadWriter(storage, targetUri, uploadId, Math.min(partSize, most), copied)
  if (copiedSize < footerStart) {
    for await (const piece of streamPinned(storage, file, copiedSize, footerStart)) await writer.write(piece)
  }
  if (copiedSize + writer.written !== footerStart) throw new LlmbatchError('InternalError', `${file.uri}: ${copiedSize + writer.written} of ${footerStart} bytes were read`)
  const chunks = await appendChunks(storage, footer, parts, writer, footerStart - writer.written)
  const newFooter = appendToFooter(file.uri, footer, columns, chunks)
  await writer.write(newFooter)
  await writer.write(trailer(newFooter.length))
  return { uploadId, parts: await writer.finish(), size: copiedSize + writer.written }
}

function checkCoverage(file: SourceFile, parts: readonly ChunkPart[], rows: number): void {
  const end = parts.reduce((at, part) => {
    if (part.from !== at || part.to <= part.from) throw new LlmbatchError('InternalError', `${file.uri}: a part of rows ${part.from}-${part.to} follows row ${at}`)
    return part.to
  }, 0)
  if (end !== rows) throw new LlmbatchError('InternalError', `${file.uri}: its parts hold ${end} of ${rows} rows`)
}

/** Parts that are copied side by side. The bytes stay in the store; file: holds 1 MiB for each. */
const COPIES_AHEAD = 8

/** Copies as much of [0, footerStart) as makes whole parts. */
async function copyWholeParts(storage: Storage, file: SourceFile, footerStart: number, partSize: number, targetUri: string, uploadId: string): Promise<readonly UploadedPart[]> {
  const numbers = Array.from({ length: Math.floor(footerStart / partSize) }, (_, i) => i + 1)
  const copies = mapAhead(numbers, COPIES_AHEAD, (number) =>
    storage.copyPart(targetUri, uploadId, number, { uri: file.uri, ifMatch: file.etag, from: (number - 1) * partSize, to: number * partSize }),
  )
  const copied: UploadedPart[] = []
  try {
    for await (const part of copies) copied.push(part)
  } catch (error) {
    throw asInputChanged(error, file)
  }
  return copied
}

/** Writes the new column chunks, row group by row group, and returns their places. `base` is the output's size before the writer's first byte. */
async function appendChunks(
  storage: Storage, footer: ParquetFooter, parts: readonly ChunkPart[], writer: UploadWriter, base: number,
): Promise<readonly (readonly AddedChunk[])[]> {
  const chunks: AddedChunk[][] = []
  // Parts that hold rows of the present row group, in order.
  let open: { readonly part: ChunkPart; readonly reader: PartReader }[] = []
  let next = 0
  let end = 0
  for (const [rowGroup, { rows }] of footer.rowGroups.entries()) {
    end += rows
    for (let part = parts[next]; part !== undefined && part.from < end; part = parts[next]) {
      open.push({ part, reader: await PartReader.open(storage, part) })
      next += 1
    }
    const group: AddedChunk[] = []
    for (const [column, { type }] of ADDED_FIELDS.entries()) {
      const offset = base + writer.written
      const runs = rows === 0 ? [] : open.map(({ part, reader }) => ({ reader, run: runOf(part, reader, rowGroup, column) }))
      for (const { reader, run } of runs) {
        for await (const piece of reader.run(run)) await writer.write(piece)
      }
      const records = runs.map(({ run }) => run)
      const total = records.reduce((sum, run) => sum + run.rows, 0)
      if (total !== rows) throw new LlmbatchError('InternalError', `row group ${rowGroup} has ${rows} rows, its parts ${total}`)
      group.push({
        offset,
        size: records.reduce((sum, run) => sum + run.size, 0),
        uncompressedSize: records.reduce((sum, run) => sum + run.uncompressedSize, 0),
        statistics: mergeStatistics(type, records),
      })
    }
    chunks.push(group)
    for (const { part, reader } of open) if (part.to <= end) reader.finish()
    open = open.filter(({ part }) => part.to > end)
  }
  return chunks
}

function runOf(part: ChunkPart, reader: PartReader, rowGroup: number, column: number): PartReader['index']['runs'][number] {
  const run = reader.index.runs.find((candidate) => candidate.rowGroup === rowGroup && candidate.column === column)
  if (run === undefined) throw new LlmbatchError('InternalError', `${part.uri} holds nothing for row group ${rowGroup}: it belongs to another file`)
  return run
}

function trailer(footerLength: number): Uint8Array {
  const bytes = Buffer.alloc(TRAILER_SIZE)
  bytes.writeUInt32LE(footerLength, 0)
  bytes.write('PAR1', 4, 'latin1')
  return bytes
}
