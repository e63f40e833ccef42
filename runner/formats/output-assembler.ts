import type { SourceFile } from './row-source.ts'

/** The final outcome of one row, as the output file shows it. */
export interface RowOutcome {
  /** The answer; null when the row failed. */
  readonly response: string | null
  /** `Succeeded`, or the failure class. */
  readonly status: string
  /** The provider's words on a failed row; null when it succeeded. */
  readonly error: string | null
  readonly promptTokens: number | null
  readonly completionTokens: number | null
}

/** Names of the added columns, in the order in which they are added. */
export interface OutputColumns {
  readonly response: string
  readonly status: string
  readonly error: string
  readonly promptTokens: string
  readonly completionTokens: string
}

/** A committed chunk's part: an immutable object with the added columns of rows [from, to) of one file. */
export interface ChunkPart {
  readonly from: number
  readonly to: number
  readonly uri: string
  readonly etag: string
  /** Bytes. */
  readonly size: number
  readonly sha256: string
}

/** Where an output is written, and what must hold of what is there. */
export interface OutputTarget {
  readonly uri: string
  readonly condition: { readonly ifNoneMatch: '*' } | { readonly ifMatch: string }
}

/** Makes chunk parts and joins them with the input to an output file. Errors: UnsupportedColumn, ColumnExists, InvalidInput, InputChanged, StorageError. */
export interface OutputAssembler {
  /** Refuses, naming the column, an input that cannot be written back identically, or a column name that clashes. Reads the footer alone. */
  check(file: SourceFile, columns: OutputColumns): Promise<void>
  /**
   * Encodes the outcomes of rows [from, to) of a file, in order, as the bytes of a part. `rowGroupRows` are the file's; a page never crosses
   * a row group. Memory: one page of each column.
   */
  encodePart(rowGroupRows: readonly number[], from: number, to: number, outcomes: AsyncIterable<RowOutcome>): AsyncIterable<Uint8Array>
  /**
   * Begins the output's upload and writes everything but its completion. `parts` cover the file's rows in order. An upload that a crash leaves
   * behind is found with `Storage.listUploads`.
   */
  assemble(file: SourceFile, columns: OutputColumns, parts: readonly ChunkPart[], targetUri: string): Promise<AssembledOutput>
}

/** An output whose parts are uploaded. */
export interface AssembledOutput {
  readonly uploadId: string
  readonly parts: readonly { readonly partNumber: number; readonly etag: string }[]
  /** Bytes of the output. */
  readonly size: number
}
