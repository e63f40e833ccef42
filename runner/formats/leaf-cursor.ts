import type { ChunkBytes } from './chunk-bytes.ts'
import { readPageHeader, type PageHeader } from './page-header.ts'
import { decodeDictionary, decodePage, type DecodedPage, type LeafColumn } from './page-values.ts'
import { ThriftError } from './thrift-compact.ts'

/** Longest page header that is read, in bytes; they hold statistics of two values at most. */
const HEADER_LIMIT = 16 * 1024 * 1024
const HEADER_GUESS = 256
const LEVELS_RLE = 3

/**
 * The rows of one leaf column in one row group, in order. A row is ready when all its triples are in memory; `load` brings
 * the next page. Errors are plain Errors with the cause; the caller names file and column.
 * Memory: a page (its compressed and decoded form), the dictionary, and the row that goes on over a page's end.
 */
export class LeafCursor {
  readonly #column: LeafColumn
  readonly #bytes: ChunkBytes
  /** Triples of the chunk, of which so many were read from pages. */
  readonly #total: number
  #read = 0
  #dictionary: ArrayLike<unknown> | null = null
  #page: DecodedPage = { count: 0, definition: null, repetition: null, values: [] }
  #at = 0
  #valueAt = 0
  /** Rows are complete up to this triple. */
  #complete = 0
  #rowAt = 0
  #rowValueAt = 0

  constructor(column: LeafColumn, bytes: ChunkBytes, total: number) {
    this.#column = column
    this.#bytes = bytes
    this.#total = total
  }

  /** Whether a whole row follows in memory. */
  get ready(): boolean {
    return this.#at < this.#complete
  }

  /** Whether all rows of the chunk were taken. */
  get exhausted(): boolean {
    return this.#at >= this.#page.count && this.#read >= this.#total
  }

  /** Whether the next triple begins a row, or none is left. */
  get atRow(): boolean {
    return this.#at >= this.#page.count || this.repetition === 0
  }

  /** Definition level of the next triple. */
  get definition(): number {
    return this.#page.definition === null ? this.#column.levels.definition : (this.#page.definition[this.#at] ?? 0)
  }

  /** Repetition level of the next triple; 0 behind the last. */
  get repetition(): number {
    return this.#page.repetition?.[this.#at] ?? 0
  }

  /** Takes the next triple, which is no null; returns its physical value. */
  take(): unknown {
    this.#at += 1
    this.#valueAt += 1
    return this.#page.values[this.#valueAt - 1]
  }

  /** Passes over the next triple. */
  pass(): void {
    if (this.definition === this.#column.levels.definition) this.#valueAt += 1
    this.#at += 1
  }

  /** Marks the next triple as the row's first, for `rewind`. */
  beginRow(): void {
    this.#rowAt = this.#at
    this.#rowValueAt = this.#valueAt
  }

  /** Goes back to the row's first triple: a row is read once for each place that names its column. */
  rewind(): void {
    this.#at = this.#rowAt
    this.#valueAt = this.#rowValueAt
  }

  /** Passes over rows, over whole pages without decoding them where their headers tell how many rows they hold. */
  async skipRows(rows: number): Promise<void> {
    let rest = rows
    while (rest > 0) {
      if (!this.ready) {
        rest -= await this.#next(rest)
        continue
      }
      do this.pass()
      while (!this.atRow)
      rest -= 1
    }
  }

  /** Reads pages until a row is ready. Throws when the chunk has no further row. */
  async load(): Promise<void> {
    while (!this.ready) await this.#next(0)
  }

  /** Reads the next data page, or passes over it when it holds `skippable` rows or fewer; returns the rows passed over. */
  async #next(skippable: number): Promise<number> {
    if (this.#read >= this.#total) throw new Error(`the column ends after ${this.#total} values`)
    for (;;) {
      const header = await this.#header()
      if (header.kind === 'other') {
        if (!(await this.#bytes.skip(header.compressedSize))) throw cut()
        continue
      }
      if (header.kind === 'data') {
        const rows = this.#rowsOf(header)
        this.#read += header.count
        if (this.#read > this.#total) throw new Error(`its pages hold ${this.#read} values, its metadata says ${this.#total}`)
        if (rows !== null && rows <= skippable && this.#at >= this.#page.count) {
          if (!(await this.#bytes.skip(header.compressedSize))) throw cut()
          return rows
        }
      }
      const payload = await this.#bytes.take(header.compressedSize)
      if (payload === null) throw cut()
      if (header.kind === 'dictionary') {
        this.#dictionary = decodeDictionary(this.#column, header, payload)
        continue
      }
      if (header.levelEncoding !== LEVELS_RLE && this.#column.levels.definition > 0) throw new Error('its levels are BIT_PACKED, a form given up in 2013')
      this.#append(decodePage(this.#column, header, payload, this.#dictionary))
      return 0
    }
  }

  /** Rows of a page when its header tells; null otherwise. */
  #rowsOf(header: Extract<PageHeader, { kind: 'data' }>): number | null {
    if (this.#column.levels.repetition === 0) return header.count
    return header.v2 === null ? null : header.v2.rows
  }

  async #header(): Promise<PageHeader> {
    for (let size = HEADER_GUESS; ; size *= 8) {
      const bytes = await this.#bytes.peek(size)
      try {
        const header = readPageHeader(bytes)
        await this.#bytes.skip(header.headerSize)
        return header
      } catch (error) {
        // Short bytes may end within the header: look at more of them, as long as there are.
        if (!(error instanceof ThriftError)) throw error
        if (bytes.length < size) throw bytes.length === 0 ? cut() : new Error(`a page header is damaged: ${error.message}`, { cause: error })
        if (size >= HEADER_LIMIT) throw new Error(`a page header has over ${HEADER_LIMIT} bytes`, { cause: error })
      }
    }
  }

  #append(page: DecodedPage): void {
    const left = this.#page.count - this.#at
    this.#page = left === 0 ? page : joined(this.#page, this.#at, this.#valueAt, page, this.#column.levels.definition)
    this.#at = 0
    this.#valueAt = 0
    this.#complete = this.#read === this.#total || this.#page.repetition === null ? this.#page.count : this.#page.repetition.lastIndexOf(0)
    if (left === 0 && page.count > 0 && this.repetition !== 0) throw new Error('its first value continues a row that is not there')
  }
}

/** What is left of a page, and the page behind it. Only columns with repetition levels leave something. */
function joined(old: DecodedPage, at: number, valueAt: number, page: DecodedPage, largest: number): DecodedPage {
  const left = old.count - at
  const count = left + page.count
  const definition = new Uint32Array(count).fill(largest)
  if (old.definition !== null) definition.set(old.definition.subarray(at))
  if (page.definition !== null) definition.set(page.definition, left)
  const repetition = new Uint32Array(count)
  if (old.repetition !== null) repetition.set(old.repetition.subarray(at))
  if (page.repetition !== null) repetition.set(page.repetition, left)
  return { count, definition, repetition, values: [...Array.from(old.values).slice(valueAt), ...Array.from(page.values)] }
}

function cut(): Error {
  return new Error('its data ends before its last value')
}
