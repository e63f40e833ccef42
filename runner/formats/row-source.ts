/** An input file, pinned to the version that was planned. */
export interface SourceFile {
  readonly uri: string
  readonly etag: string
  /** Bytes. */
  readonly size: number
}

/** What the planner needs to know of a file; read from its footer alone. */
export interface SourceFooter {
  readonly rows: number
  /** Rows of each row group, in order. */
  readonly rowGroupRows: readonly number[]
  /** sha256 of the footer's bytes, hex. */
  readonly footerSha256: string
  /** Names of the top-level columns, in order. */
  readonly columns: readonly string[]
  /** Every path that a prompt may name (top-level columns and fields of structs), with why it cannot be read, if so. */
  readonly paths: readonly SourcePath[]
}

export interface SourcePath {
  /** Names from the root: ['a', 'b'] for `{{a.b}}`. */
  readonly path: readonly string[]
  /** The Parquet type in words, e.g. "INT64 TIMESTAMP(MICROS, UTC)". */
  readonly type: string
  /** Why values of this path cannot be rendered exactly; absent when they can. */
  readonly unsupported?: string
  /** Whether `{{a.b}}` can render it as text; false for structs, lists and maps, which need `{{json a.b}}`. */
  readonly text: boolean
}

/** A column as a prompt names it. */
export interface ColumnRef {
  readonly path: readonly string[]
  /** text: the value as a person would write it. json: the value as JSON. */
  readonly render: 'text' | 'json'
}

/** Consecutive rows. `values[c][i]` is column c of row `from + i`, rendered; null where the row holds null. */
export interface RowWindow {
  readonly from: number
  readonly values: readonly (readonly (string | null)[])[]
}

/** Reads rows of a file. Errors: InvalidInput, UnsupportedColumn, InputChanged (all LlmbatchErrors), StorageError. */
export interface RowSource {
  /** Reads the footer, never the data. */
  inspect(file: SourceFile): Promise<SourceFooter>
  /** Rows [from, to) in order, with the columns named, in windows of at most 1,000 rows. */
  read(file: SourceFile, columns: readonly ColumnRef[], from: number, to: number): AsyncIterable<RowWindow>
}
