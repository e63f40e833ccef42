import { fieldOf, integerOf, readStruct, ThriftError, WIRE, type ThriftField } from './thrift-compact.ts'

export interface DictionaryHeader {
  readonly kind: 'dictionary'
  readonly headerSize: number
  readonly compressedSize: number
  readonly uncompressedSize: number
  readonly count: number
}

export interface DataPageHeader {
  readonly kind: 'data'
  readonly headerSize: number
  readonly compressedSize: number
  readonly uncompressedSize: number
  /** Triples, nulls included. */
  readonly count: number
  readonly encoding: number
  /** Encoding of the definition levels of a v1 page. */
  readonly levelEncoding: number
  /** null for a v1 page. */
  readonly v2: { readonly rows: number; readonly repetitionSize: number; readonly definitionSize: number; readonly compressed: boolean } | null
}

/** An index page, or a kind to come: passed over. */
export interface OtherHeader {
  readonly kind: 'other'
  readonly headerSize: number
  readonly compressedSize: number
}

export type PageHeader = DictionaryHeader | DataPageHeader | OtherHeader

// Numbers of PageType in parquet.thrift.
const DATA_PAGE = 0
const DICTIONARY_PAGE = 2
const DATA_PAGE_V2 = 3
const RLE = 3

/** Reads a page header at the start of the bytes. Throws ThriftError, also when the bytes end within it. */
export function readPageHeader(bytes: Uint8Array): PageHeader {
  const { fields, end: headerSize } = readStruct(bytes)
  const type = count(fields, 1)
  const sizes = { headerSize, uncompressedSize: count(fields, 2), compressedSize: count(fields, 3) }
  switch (type) {
    case DICTIONARY_PAGE:
      return { kind: 'dictionary', ...sizes, count: count(nested(fields, 7), 1) }
    case DATA_PAGE: {
      const header = nested(fields, 5)
      return { kind: 'data', ...sizes, count: count(header, 1), encoding: count(header, 2), levelEncoding: count(header, 3), v2: null }
    }
    case DATA_PAGE_V2: {
      const header = nested(fields, 8)
      const compressed = fieldOf(header, 7)?.wire !== WIRE.false
      const v2 = { rows: count(header, 3), definitionSize: count(header, 5), repetitionSize: count(header, 6), compressed }
      return { kind: 'data', ...sizes, count: count(header, 1), encoding: count(header, 4), levelEncoding: RLE, v2 }
    }
    default:
      return { kind: 'other', headerSize, compressedSize: sizes.compressedSize }
  }
}

function nested(fields: readonly ThriftField[], id: number): readonly ThriftField[] {
  const field = fieldOf(fields, id)
  if (field === undefined) throw new ThriftError(`a page header lacks field ${id}`)
  return readStruct(field.raw).fields
}

function count(fields: readonly ThriftField[], id: number): number {
  const field = fieldOf(fields, id)
  if (field === undefined) throw new ThriftError(`a page header lacks field ${id}`)
  const value = Number(integerOf(field))
  if (value < 0 || value > 0x7fffffff) throw new ThriftError(`field ${id} of a page header is ${value}`)
  return value
}
