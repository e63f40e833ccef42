import { LlmbatchError } from '../../crds/errors.ts'
import { fieldOf, integerOf, readList, readStruct, textOf, ThriftError, type ThriftField } from './thrift-compact.ts'

/**
 * Field ids of the footer's structs, as far as they are read or edited.
 * Source: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
export const FILE_META = { schema: 2, rows: 3, rowGroups: 4, keyValues: 5, columnOrders: 7, encryption: 8 } as const
export const SCHEMA_ELEMENT = { type: 1, repetition: 3, name: 4, children: 5, convertedType: 6, logicalType: 10 } as const
export const ROW_GROUP = { columns: 1, totalByteSize: 2, rows: 3, totalCompressedSize: 6 } as const
export const COLUMN_CHUNK = { filePath: 1, fileOffset: 2, metaData: 3, cryptoMetaData: 8, encryptedMetaData: 9 } as const
export const KEY_VALUE = { key: 1, value: 2 } as const

/** FIXED_LEN_BYTE_ARRAY, the last of parquet.thrift's physical types. */
const LAST_PHYSICAL_TYPE = 7n

/** A footer, taken apart only as far as columns can be added to it. What is not named here is kept as bytes. */
export interface ParquetFooter {
  readonly fields: readonly ThriftField[]
  /** Schema elements as bytes, depth first; the first is the root. */
  readonly schema: readonly Uint8Array[]
  /** Names of the top-level columns, in order. */
  readonly columns: readonly string[]
  /** Dotted paths of the leaf columns, in the order of the column chunks. */
  readonly leaves: readonly string[]
  readonly rows: number
  readonly rowGroups: readonly RowGroupBytes[]
}

export interface RowGroupBytes {
  readonly rows: number
  /** The RowGroup struct. */
  readonly bytes: Uint8Array
}

/**
 * Takes a footer apart. Throws InvalidInput naming the file, or UnsupportedColumn naming the file and the column, when it is
 * damaged, encrypted, refers to other files, or contradicts itself: readers would disagree on what such a file holds.
 */
export function parseFooter(uri: string, bytes: Uint8Array): ParquetFooter {
  try {
    return parse(uri, bytes)
  } catch (error) {
    if (error instanceof ThriftError) throw new LlmbatchError('InvalidInput', `${uri}: its footer is damaged: ${error.message}`, { cause: error })
    throw error
  }
}

function parse(uri: string, bytes: Uint8Array): ParquetFooter {
  const { fields, end } = readStruct(bytes)
  if (fieldOf(fields, FILE_META.encryption) !== undefined) throw invalid(uri, 'its columns are encrypted')
  if (end !== bytes.length) throw invalid(uri, `its footer has ${bytes.length - end} bytes behind the metadata`)
  const schema = readList(required(fields, FILE_META.schema, 'a schema').raw).items
  const { columns, leaves } = walkSchema(uri, schema)
  const rowGroups = readList(required(fields, FILE_META.rowGroups, 'row groups').raw).items.map((item, index) => parseRowGroup(uri, item, index, leaves))
  const rows = Number(integerOf(required(fields, FILE_META.rows, 'a number of rows')))
  const sum = rowGroups.reduce((total, group) => total + group.rows, 0)
  if (sum !== rows) throw invalid(uri, `its footer counts ${rows} rows, its row groups ${sum}`)
  const orders = fieldOf(fields, FILE_META.columnOrders)
  if (orders !== undefined) {
    const count = readList(orders.raw).items.length
    if (count !== leaves.length) throw invalid(uri, `its footer has ${count} column orders for ${leaves.length} columns`)
  }
  return { fields, schema, columns, leaves, rows, rowGroups }
}

function walkSchema(uri: string, schema: readonly Uint8Array[]): { readonly columns: readonly string[]; readonly leaves: readonly string[] } {
  const elements = schema.map((item) => {
    const { fields } = readStruct(item)
    const children = fieldOf(fields, SCHEMA_ELEMENT.children)
    const name = textOf(required(fields, SCHEMA_ELEMENT.name, 'a column name'))
    const type = fieldOf(fields, SCHEMA_ELEMENT.type)
    if (type !== undefined && (integerOf(type) < 0n || integerOf(type) > LAST_PHYSICAL_TYPE)) throw invalid(uri, `its column "${name}" has the physical type ${integerOf(type)}, which Parquet does not have`)
    return { name, children: children === undefined ? 0 : Number(integerOf(children)), leaf: type !== undefined }
  })
  const columns: string[] = []
  const leaves: string[] = []
  // Open groups: their path, and how many children they still lack.
  const open: { readonly path: string; missing: number }[] = []
  elements.forEach((element, index) => {
    if (element.children < 0 || element.children >= elements.length) throw invalid(uri, `its schema element "${element.name}" would have ${element.children} children`)
    if (index === 0) {
      open.push({ path: '', missing: element.children })
      return
    }
    while (open.at(-1)?.missing === 0) open.pop()
    const parent = open.at(-1)
    if (parent === undefined) throw invalid(uri, `its schema holds more elements than its tree, from "${element.name}" on`)
    parent.missing -= 1
    const path = parent.path === '' ? element.name : `${parent.path}.${element.name}`
    if (open.length === 1) columns.push(element.name)
    if (element.leaf) leaves.push(path)
    if (element.children > 0) open.push({ path, missing: element.children })
  })
  if (elements.length === 0 || open.some((group) => group.missing > 0)) throw invalid(uri, 'its schema holds fewer elements than its tree')
  return { columns, leaves }
}

function parseRowGroup(uri: string, bytes: Uint8Array, index: number, leaves: readonly string[]): RowGroupBytes {
  const { fields } = readStruct(bytes)
  const chunks = readList(required(fields, ROW_GROUP.columns, 'column chunks').raw).items
  if (chunks.length !== leaves.length) throw invalid(uri, `its row group ${index} has ${chunks.length} column chunks for ${leaves.length} columns`)
  chunks.forEach((chunk, leaf) => checkChunk(uri, readStruct(chunk).fields, leaves[leaf] ?? '', index))
  required(fields, ROW_GROUP.totalByteSize, 'a row group size')
  const rows = Number(integerOf(required(fields, ROW_GROUP.rows, 'a number of rows in a row group')))
  if (rows < 0) throw invalid(uri, `its row group ${index} would have ${rows} rows`)
  return { rows, bytes }
}

function checkChunk(uri: string, fields: readonly ThriftField[], column: string, rowGroup: number): void {
  if (fieldOf(fields, COLUMN_CHUNK.cryptoMetaData) !== undefined || fieldOf(fields, COLUMN_CHUNK.encryptedMetaData) !== undefined) {
    throw new LlmbatchError('UnsupportedColumn', `${uri}: column "${column}" is encrypted`)
  }
  const path = fieldOf(fields, COLUMN_CHUNK.filePath)
  if (path !== undefined && textOf(path) !== '') {
    throw invalid(uri, `column "${column}" of row group ${rowGroup} lies in another file, "${textOf(path)}": this is a summary file such as _metadata`)
  }
  if (fieldOf(fields, COLUMN_CHUNK.metaData) === undefined) throw invalid(uri, `column "${column}" of row group ${rowGroup} has no metadata`)
}

function required(fields: readonly ThriftField[], id: number, what: string): ThriftField {
  const field = fieldOf(fields, id)
  if (field === undefined) throw new ThriftError(`it lacks ${what}`)
  return field
}

function invalid(uri: string, cause: string): LlmbatchError {
  return new LlmbatchError('InvalidInput', `${uri}: ${cause}`)
}
