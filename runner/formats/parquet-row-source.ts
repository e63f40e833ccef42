import { LlmbatchError, messageOf } from '../../crds/errors.ts'
import { StorageError, type Storage } from '../storage/storage.ts'
import { ChunkBytes } from './chunk-bytes.ts'
import { LeafCursor } from './leaf-cursor.ts'
import { NoExactText } from './leaf-text.ts'
import { openParquet, type ParquetSourceFile } from './parquet-source-file.ts'
import { streamPinned } from './pinned-read.ts'
import { rowText } from './record-text.ts'
import type { ColumnRef, RowSource, RowWindow, SourceFile } from './row-source.ts'
import { nodeAt, sourcePaths, type SchemaNode } from './source-schema.ts'

/** Rows of a window, at most. */
export const WINDOW_ROWS = 1_000
/** Characters of a window, about: it ends with the row that reaches them. */
export const WINDOW_CHARACTERS = 4 * 1024 * 1024

/** A column that a prompt names, found in the file. */
interface Place {
  readonly node: SchemaNode
  readonly render: ColumnRef['render']
  /** As the prompt writes it. */
  readonly name: string
}

/**
 * Reads Parquet files from storage, only the column chunks that are asked for, page by page. Page checksums are not checked,
 * as in PyArrow and DuckDB. Without columns, windows tell their first row alone.
 * Memory: for each leaf column asked for, one page, its dictionary and a storage window; one window of rows; the last footer.
 */
export function makeParquetRowSource(storage: Storage): RowSource {
  // A shard reads many ranges of one file; its footer is parsed once.
  let last: { readonly key: string; readonly opened: ParquetSourceFile } | null = null
  const open = async (file: SourceFile): Promise<ParquetSourceFile> => {
    const key = JSON.stringify([file.uri, file.etag, file.size])
    if (last?.key === key) return last.opened
    const opened = await openParquet(storage, file)
    last = { key, opened }
    return opened
  }
  return {
    async inspect(file) {
      const { rows, rowGroupRows, footerSha256, schema } = await openParquet(storage, file)
      return { rows, rowGroupRows, footerSha256, columns: schema.columns.map(({ name }) => name), paths: sourcePaths(schema.columns) }
    },
    async *read(file, columns, from, to) {
      const opened = await open(file)
      if (from < 0 || to < from || to > opened.rows) throw new LlmbatchError('InternalError', `${file.uri}: rows ${from}-${to} of ${opened.rows} were asked for`)
      const places = columns.map((ref) => place(file, opened, ref))
      let start = 0
      for (const [rowGroup, rows] of opened.rowGroupRows.entries()) {
        const end = start + rows
        if (start < to && end > from) yield* readRowGroup(storage, file, opened, places, rowGroup, start, Math.max(from, start), Math.min(to, end))
        start = end
      }
    },
  }
}

function place(file: SourceFile, opened: ParquetSourceFile, { path, render }: ColumnRef): Place {
  const name = path.join('.')
  const node = nodeAt(opened.schema.columns, path)
  if (node === undefined) throw new LlmbatchError('UnknownColumn', `${file.uri} has no column "${name}"`)
  if (node.unsupported !== null) throw new LlmbatchError('UnsupportedColumn', `${file.uri}: column "${name}" cannot be read exactly: ${node.unsupported}`)
  if (render === 'text' && node.kind !== 'leaf') throw new LlmbatchError('UnsupportedColumn', `${file.uri}: column "${name}" is a ${node.kind}; write {{json ${name}}}`)
  return { node, render, name }
}

/** Rows [from, to) of the file, which lie in this row group; `start` is its first row. */
async function* readRowGroup(
  storage: Storage, file: SourceFile, opened: ParquetSourceFile, places: readonly Place[], rowGroup: number, start: number, from: number, to: number,
): AsyncIterable<RowWindow> {
  const cursors = new Map<number, LeafCursor>()
  const streams: ChunkBytes[] = []
  for (const leaf of new Set(places.flatMap(({ node }) => node.leaves))) {
    const chunk = opened.chunk(rowGroup, leaf)
    const bytes = new ChunkBytes(streamPinned(storage, file, chunk.start, chunk.end))
    streams.push(bytes)
    cursors.set(leaf, new LeafCursor(chunk.column, bytes, chunk.values))
  }
  const atGroupEnd = to === start + (opened.rowGroupRows[rowGroup] ?? 0)
  let row = from
  try {
    for (const cursor of cursors.values()) await cursor.skipRows(from - start)
    while (row < to) {
      const values: (string | null)[][] = places.map(() => [])
      const first = row
      let characters = 0
      while (row < to && row - first < WINDOW_ROWS && characters < WINDOW_CHARACTERS) {
        for (const cursor of cursors.values()) {
          if (!cursor.ready) await cursor.load()
          cursor.beginRow()
        }
        for (const [index, { node, render, name }] of places.entries()) {
          const value = rendered(() => rowText(node, cursors, render), file, name, row)
          values[index]?.push(value)
          characters += value?.length ?? 0
        }
        for (const cursor of cursors.values()) if (!cursor.atRow) throw new Error(`its values do not end with row ${row}`)
        row += 1
      }
      yield { from: first, values }
    }
    if (atGroupEnd && [...cursors.values()].some((cursor) => !cursor.exhausted)) throw new Error('it has more rows than its metadata says')
  } catch (error) {
    if (error instanceof LlmbatchError || error instanceof StorageError) throw error
    const names = places.map(({ name }) => `"${name}"`).join(', ')
    throw new LlmbatchError('InvalidInput', `${file.uri}: row group ${rowGroup} is damaged near row ${row} (columns read: ${names}): ${messageOf(error)}`, { cause: error })
  } finally {
    for (const stream of streams) await stream.close()
  }
}

function rendered(render: () => string | null, file: SourceFile, name: string, row: number): string | null {
  try {
    return render()
  } catch (error) {
    if (!(error instanceof NoExactText)) throw error
    throw new LlmbatchError('UnsupportedColumn', `${file.uri}: column "${name}", row ${row}: ${error.message}`, { cause: error })
  }
}
