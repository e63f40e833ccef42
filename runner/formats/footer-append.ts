import { LlmbatchError } from '../../crds/errors.ts'
import type { AddedColumn } from './added-columns.ts'
import type { ColumnStatistics } from './column-statistics.ts'
import { extendKeyValues } from './key-value-metadata.ts'
import { COLUMN_CHUNK, FILE_META, ROW_GROUP, SCHEMA_ELEMENT, type ParquetFooter } from './parquet-footer.ts'
import {
  binaryField, boolField, encodeBinary, encodeI32, encodeStruct, fieldOf, i32Field, i64Field, integerOf, listField, readList, readStruct, structField, WIRE, withField, type ThriftField,
} from './thrift-compact.ts'

/** A column chunk that was appended to the file. */
export interface AddedChunk {
  /** Offset of its first page in the output. */
  readonly offset: number
  /** Bytes, page headers included. */
  readonly size: number
  /** Bytes before compression, page headers included. */
  readonly uncompressedSize: number
  readonly statistics: ColumnStatistics
}

// Numbers of parquet.thrift's enums.
const PHYSICAL_TYPE = { string: 6, int32: 1 } as const
const OPTIONAL = 1
const CONVERTED_UTF8 = 0
const ENCODING_PLAIN = 0
const ENCODING_RLE = 3
const CODEC_ZSTD = 6

/**
 * The FileMetaData of the file with columns added at the end. `chunks[g][c]` is added column c of row group g. Everything
 * else stays byte for byte: versions, created_by, field ids, sorting, statistics, indexes, and fields this code does not know.
 * Throws InvalidInput or UnsupportedColumn when key-value metadata repeats the schema and cannot be extended.
 */
export function appendToFooter(uri: string, footer: ParquetFooter, columns: readonly AddedColumn[], chunks: readonly (readonly AddedChunk[])[]): Uint8Array {
  const [root, ...elements] = footer.schema
  if (root === undefined) throw new LlmbatchError('InternalError', `${uri}: the footer was parsed without a root`)
  const newRoot = encodeStruct(withField(readStruct(root).fields, i32Field(SCHEMA_ELEMENT.children, footer.columns.length + columns.length)))
  const rowGroups = footer.rowGroups.map((group, index) => appendToRowGroup(group.bytes, columns, chunks[index] ?? [], footer.rowGroups[index]?.rows ?? 0))
  let fields = withField(footer.fields, listField(FILE_META.schema, WIRE.struct, [newRoot, ...elements, ...columns.map(schemaElement)]))
  fields = withField(fields, listField(FILE_META.rowGroups, WIRE.struct, rowGroups))
  const keyValues = fieldOf(fields, FILE_META.keyValues)
  if (keyValues !== undefined) {
    fields = withField(fields, listField(FILE_META.keyValues, WIRE.struct, extendKeyValues(uri, readList(keyValues.raw).items, footer.columns.length, columns)))
  }
  const orders = fieldOf(fields, FILE_META.columnOrders)
  // Without the list the old min and max mean something else, so it is extended but never added.
  if (orders !== undefined) {
    const typeDefined = encodeStruct([structField(1, [])])
    fields = withField(fields, listField(FILE_META.columnOrders, WIRE.struct, [...readList(orders.raw).items, ...columns.map(() => typeDefined)]))
  }
  return encodeStruct(fields)
}

/** Bytes that a footer grows by, at most: for sizing an upload before the chunks are known. */
export function footerGrowth(footer: ParquetFooter, columns: readonly AddedColumn[]): number {
  const names = columns.reduce((total, column) => total + Buffer.byteLength(column.name), 0)
  // 400 bytes hold a chunk's numbers and two bounds. A name stands in the schema, in each chunk, and in up to four key-value
  // schemas; the Arrow schema's list of fields is written anew.
  return 64 * 1024 + footer.rowGroups.length * (columns.length * 400 + names) + names * 8 + footer.columns.length * 8
}

function schemaElement(column: AddedColumn): Uint8Array {
  const fields = [i32Field(SCHEMA_ELEMENT.type, PHYSICAL_TYPE[column.type]), i32Field(SCHEMA_ELEMENT.repetition, OPTIONAL), binaryField(SCHEMA_ELEMENT.name, column.name)]
  const string = [i32Field(SCHEMA_ELEMENT.convertedType, CONVERTED_UTF8), structField(SCHEMA_ELEMENT.logicalType, [structField(1, [])])]
  return encodeStruct(column.type === 'string' ? [...fields, ...string] : fields)
}

/** New chunks go last, so that `sorting_columns` and readers that split by the first column's offset stay right. */
function appendToRowGroup(bytes: Uint8Array, columns: readonly AddedColumn[], chunks: readonly AddedChunk[], rows: number): Uint8Array {
  const { fields } = readStruct(bytes)
  const columnList = fieldOf(fields, ROW_GROUP.columns)
  if (columnList === undefined) throw new LlmbatchError('InternalError', 'a row group was parsed without column chunks')
  const added = columns.map((column, index) => columnChunk(column, chunks[index], rows))
  let edited = withField(fields, listField(ROW_GROUP.columns, WIRE.struct, [...readList(columnList.raw).items, ...added]))
  edited = grown(edited, ROW_GROUP.totalByteSize, chunks.reduce((total, chunk) => total + chunk.uncompressedSize, 0))
  edited = grown(edited, ROW_GROUP.totalCompressedSize, chunks.reduce((total, chunk) => total + chunk.size, 0))
  return encodeStruct(edited)
}

/** Adds to an i64 field; one that is absent stays absent. */
function grown(fields: readonly ThriftField[], id: number, bytes: number): readonly ThriftField[] {
  const field = fieldOf(fields, id)
  return field === undefined ? fields : withField(fields, i64Field(id, integerOf(field) + BigInt(bytes)))
}

function columnChunk(column: AddedColumn, chunk: AddedChunk | undefined, rows: number): Uint8Array {
  if (chunk === undefined) throw new LlmbatchError('InternalError', `no column chunk was written for "${column.name}"`)
  const metaData = [
    i32Field(1, PHYSICAL_TYPE[column.type]),
    listField(2, WIRE.i32, [encodeI32(ENCODING_PLAIN), encodeI32(ENCODING_RLE)]),
    listField(3, WIRE.binary, [encodeBinary(column.name)]),
    i32Field(4, CODEC_ZSTD),
    i64Field(5, rows),
    i64Field(6, chunk.uncompressedSize),
    i64Field(7, chunk.size),
    i64Field(9, chunk.offset),
    structField(12, statisticsFields(chunk.statistics)),
  ]
  return encodeStruct([i64Field(COLUMN_CHUNK.fileOffset, 0), structField(COLUMN_CHUNK.metaData, metaData)])
}

function statisticsFields({ nulls, min, max }: ColumnStatistics): readonly ThriftField[] {
  if (min === null || max === null) return [i64Field(3, nulls)]
  return [i64Field(3, nulls), binaryField(5, max.bytes), binaryField(6, min.bytes), boolField(7, max.exact), boolField(8, min.exact)]
}
