import { createHash } from 'node:crypto'
import { parquetMetadata, parquetSchema, type FileMetaData } from 'hyparquet'
import { LlmbatchError, messageOf } from '../../crds/errors.ts'
import type { Storage } from '../storage/storage.ts'
import { unreadableCodec } from './decompress.ts'
import { readFooter } from './footer-reader.ts'
import { parseFooter } from './parquet-footer.ts'
import type { LeafColumn } from './page-values.ts'
import type { SourceFile } from './row-source.ts'
import { resolveSchema, type SourceSchema } from './source-schema.ts'

/** A Parquet file whose footer was read. Memory: about 1 KB for each column chunk. */
export interface ParquetSourceFile {
  readonly footerSha256: string
  readonly rows: number
  readonly rowGroupRows: readonly number[]
  readonly schema: SourceSchema
  /** Where the pages of a leaf column in a row group lie, and how many triples they hold. */
  chunk(rowGroup: number, leaf: number): ChunkPlace
}

export interface ChunkPlace {
  readonly column: LeafColumn
  readonly start: number
  readonly end: number
  readonly values: number
}

const MAGIC_SIZE = 4
/** parquet-mr before 1.2.9 left a dictionary page's header out of the chunk's size. Source: https://issues.apache.org/jira/browse/PARQUET-816 */
const UNCOUNTED_HEADER = 100

/** Reads a footer and checks it, and that the data it names lies in the file. Throws InvalidInput or UnsupportedColumn naming the file, InputChanged, StorageError. */
export async function openParquet(storage: Storage, file: SourceFile): Promise<ParquetSourceFile> {
  const { start: footerStart, bytes } = await readFooter(storage, file)
  const footer = parseFooter(file.uri, bytes)
  const metadata = hyparquetMetadata(file, bytes)
  const elements = metadata.schema.filter((element) => element.type !== undefined)
  const schema = resolveSchema(parquetSchema(metadata), (leaf) => unreadable(metadata, leaf))
  const opened: ParquetSourceFile = {
    footerSha256: createHash('sha256').update(bytes).digest('hex'),
    rows: footer.rows,
    rowGroupRows: footer.rowGroups.map((group) => group.rows),
    schema,
    chunk(rowGroup, leaf) {
      const meta = metadata.row_groups[rowGroup]?.columns[leaf]?.meta_data
      const element = elements[leaf]
      const levels = schema.levels[leaf]
      if (meta === undefined || element === undefined || levels === undefined) throw new LlmbatchError('InternalError', `${file.uri}: row group ${rowGroup} has no leaf ${leaf}`)
      const dictionary = Number(meta.dictionary_page_offset ?? 0n)
      const data = Number(meta.data_page_offset)
      const start = dictionary > 0 && dictionary < data ? dictionary : data
      const end = start + Number(meta.total_compressed_size)
      const values = Number(meta.num_values)
      const rows = footer.rowGroups[rowGroup]?.rows ?? 0
      const name = footer.leaves[leaf] ?? ''
      if (start < MAGIC_SIZE || end < start || end > footerStart) {
        throw new LlmbatchError('InvalidInput', `${file.uri}: column "${name}" of row group ${rowGroup} would lie at bytes ${start}-${end}, outside the file's data: the file lost bytes or was changed`)
      }
      if (values < rows || (levels.repetition === 0 && values !== rows)) {
        throw new LlmbatchError('InvalidInput', `${file.uri}: column "${name}" of row group ${rowGroup} has ${values} values for ${rows} rows`)
      }
      return { column: { element, codec: meta.codec, levels }, start, end: Math.min(end + UNCOUNTED_HEADER, footerStart), values }
    },
  }
  // A file that lost bytes is refused before any row of it is asked, whichever columns are named. An empty row group's chunks may lie anywhere.
  opened.rowGroupRows.forEach((rows, rowGroup) => {
    if (rows > 0) for (const leaf of elements.keys()) opened.chunk(rowGroup, leaf)
  })
  return opened
}

function hyparquetMetadata(file: SourceFile, footer: Uint8Array): FileMetaData {
  const trailer = Buffer.from('\0\0\0\0PAR1', 'latin1')
  trailer.writeUInt32LE(footer.length, 0)
  try {
    return parquetMetadata(Buffer.concat([footer, trailer]), { geoparquet: false })
  } catch (error) {
    throw new LlmbatchError('InvalidInput', `${file.uri}: its footer is damaged: ${messageOf(error)}`, { cause: error })
  }
}

function unreadable(metadata: FileMetaData, leaf: number): string | null {
  for (const group of metadata.row_groups) {
    const reason = unreadableCodec(group.columns[leaf]?.meta_data?.codec)
    if (reason !== null) return reason
  }
  return null
}
