import { LlmbatchError } from '../../crds/errors.ts'
import { ADDED_FIELDS } from './added-columns.ts'
import { mergeStatistics } from './column-statistics.ts'
import type { RowOutcome } from './output-assembler.ts'
import { PageEncoder, type Page } from './page-run.ts'
import { encodePartIndex, type RunRecord } from './part-index.ts'

/** Rows of a chunk that lie in one row group. */
export interface RowGroupPiece {
  readonly rowGroup: number
  readonly rows: number
}

/** Cuts rows [from, to) of a file at its row groups. Empty row groups give no piece. */
export function rowGroupPieces(rowGroupRows: readonly number[], from: number, to: number): readonly RowGroupPiece[] {
  let start = 0
  return rowGroupRows.flatMap((groupRows, rowGroup) => {
    const rows = Math.min(start + groupRows, to) - Math.max(start, from)
    start += groupRows
    return rows > 0 ? [{ rowGroup, rows }] : []
  })
}

/**
 * Encodes the outcomes of rows [from, to) as a part: for each row group the rows touch, one run of pages for each added
 * column, then the index (`part-index.ts`). Throws InternalError when there are more or fewer outcomes than rows.
 * Memory: a page of each column, and the compressed runs of one row group's rows in this chunk, the answers' excepted: these
 * go out page by page.
 */
export async function* encodeChunkPart(rowGroupRows: readonly number[], from: number, to: number, outcomes: AsyncIterable<RowOutcome>): AsyncIterable<Uint8Array> {
  const pieces = rowGroupPieces(rowGroupRows, from, to)
  if (pieces.reduce((sum, piece) => sum + piece.rows, 0) !== to - from) throw new LlmbatchError('InternalError', `rows ${from}-${to} do not lie in the file's row groups`)
  const runs: RunRecord[] = []
  let offset = 0
  let row = from
  let at = 0
  let current = new PieceEncoder()
  for await (const outcome of outcomes) {
    const piece = pieces[at]
    if (piece === undefined) throw new LlmbatchError('InternalError', `rows ${from}-${to} got more than ${to - from} outcomes`)
    yield* current.add(outcome, row)
    row += 1
    if (current.rows < piece.rows) continue
    yield* current.end()
    for (const run of current.records(piece.rowGroup, offset)) {
      runs.push(run)
      offset += run.size
    }
    at += 1
    current = new PieceEncoder()
  }
  if (at < pieces.length) throw new LlmbatchError('InternalError', `rows ${from}-${to} got ${row - from} outcomes, not ${to - from}`)
  yield encodePartIndex({ from, to, runs })
}

/** One column's run while it is made. */
interface RunBuilder {
  readonly column: (typeof ADDED_FIELDS)[number]
  readonly index: number
  readonly encoder: PageEncoder
  readonly pages: Omit<Page, 'bytes'>[]
  /** Pages that wait for the end of the piece. */
  readonly waiting: Uint8Array[]
  size: number
}

/** The runs of one row-group piece. The first column's pages go out as they are made; the others' wait for its end. */
class PieceEncoder {
  rows = 0
  readonly #runs: readonly RunBuilder[]

  constructor() {
    this.#runs = ADDED_FIELDS.map((column, index) => ({ column, index, encoder: new PageEncoder(column.type), pages: [], waiting: [], size: 0 }))
  }

  *add(outcome: RowOutcome, row: number): Iterable<Uint8Array> {
    this.rows += 1
    for (const run of this.#runs) {
      const { field } = run.column
      const value = outcome[field]
      if (typeof value === 'number' && (value | 0) !== value) throw new LlmbatchError('InternalError', `row ${row}: ${field} is ${value}, which is no 32-bit integer`)
      yield* take(run, run.encoder.add(value))
    }
  }

  *end(): Iterable<Uint8Array> {
    for (const run of this.#runs) {
      yield* take(run, run.encoder.flush())
      yield* run.waiting
    }
  }

  *records(rowGroup: number, from: number): Iterable<RunRecord> {
    let offset = from
    for (const { column, index, pages, size } of this.#runs) {
      yield {
        rowGroup,
        column: index,
        rows: this.rows,
        offset,
        size,
        uncompressedSize: pages.reduce((sum, page) => sum + page.uncompressedSize, 0),
        statistics: mergeStatistics(column.type, pages),
      }
      offset += size
    }
  }
}

function* take(run: RunBuilder, page: Page | null): Iterable<Uint8Array> {
  if (page === null) return
  const { bytes, ...record } = page
  run.pages.push(record)
  run.size += bytes.length
  if (run.index === 0) yield bytes
  else run.waiting.push(bytes)
}
