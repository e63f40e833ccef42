import type { CompressionCodec, SchemaElement } from 'hyparquet'
import { deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray } from 'hyparquet/src/delta.js'
import { byteStreamSplit } from 'hyparquet/src/encoding.js'
import { readPlain } from 'hyparquet/src/plain.js'
import { decompress } from './decompress.ts'
import { bitWidth, decodeHybrid } from './hybrid-decoder.ts'
import type { DataPageHeader, DictionaryHeader } from './page-header.ts'
import type { LeafLevels } from './source-schema.ts'

/** A leaf column, as its pages need it. */
export interface LeafColumn {
  readonly element: SchemaElement
  readonly codec: CompressionCodec
  readonly levels: LeafLevels
}

/** A data page's triples. Levels are null when they are all at their largest (definition) or 0 (repetition). */
export interface DecodedPage {
  readonly count: number
  readonly definition: Uint32Array | null
  readonly repetition: Uint32Array | null
  /** Physical values of the triples that are not null. */
  readonly values: ArrayLike<unknown>
}

/** Encodings by their number in parquet.thrift. */
const ENCODING = { plain: 0, plainDictionary: 2, rle: 3, deltaBinaryPacked: 5, deltaLengthByteArray: 6, deltaByteArray: 7, dictionary: 8, byteStreamSplit: 9 } as const

/** The values of a dictionary page. Throws Error with the cause. */
export function decodeDictionary(column: LeafColumn, header: DictionaryHeader, payload: Uint8Array): ArrayLike<unknown> {
  const page = ownBuffer(decompress(column.codec, payload, header.uncompressedSize))
  return plainValues(column, page, 0, header.count)
}

/** Decodes a data page of either version. Throws Error with the cause. */
export function decodePage(column: LeafColumn, header: DataPageHeader, payload: Uint8Array, dictionary: ArrayLike<unknown> | null): DecodedPage {
  const { count } = header
  const { levels } = column
  let page: Uint8Array<ArrayBuffer>
  let at = 0
  let repetition: Uint32Array | null = null
  let definition: Uint32Array | null = null
  if (header.v2 === null) {
    page = ownBuffer(decompress(column.codec, payload, header.uncompressedSize))
    const take = (largest: number): Uint32Array | null => {
      if (largest === 0) return null
      const length = new DataView(page.buffer).getUint32(at, true)
      if (at + 4 + length > page.length) throw new RangeError('levels end behind the page')
      const decoded = decodeHybrid(page.subarray(at + 4, at + 4 + length), bitWidth(largest), count)
      at += 4 + length
      return decoded
    }
    repetition = take(levels.repetition)
    definition = take(levels.definition)
  } else {
    const { repetitionSize, definitionSize, compressed } = header.v2
    const levelsSize = repetitionSize + definitionSize
    if (levelsSize > payload.length || levelsSize > header.uncompressedSize) throw new RangeError('levels end behind the page')
    if (levels.repetition > 0) repetition = decodeHybrid(payload.subarray(0, repetitionSize), bitWidth(levels.repetition), count)
    if (levels.definition > 0) definition = decodeHybrid(payload.subarray(repetitionSize, levelsSize), bitWidth(levels.definition), count)
    page = ownBuffer(decompress(compressed ? column.codec : 'UNCOMPRESSED', payload.subarray(levelsSize), header.uncompressedSize - levelsSize))
  }
  if (repetition !== null) checkLevels(repetition, levels.repetition)
  const present = definition === null ? count : checkLevels(definition, levels.definition)
  if (definition === null || present > 0) return { count, definition, repetition, values: decodeValues(column, header.encoding, page, at, present, dictionary) }
  return { count, definition, repetition, values: [] }
}

/** Throws when a level is over its largest; returns how many are at it. */
function checkLevels(levels: Uint32Array, largest: number): number {
  let atLargest = 0
  for (const level of levels) {
    if (level > largest) throw new RangeError(`a level of ${level}, over ${largest}`)
    if (level === largest) atLargest += 1
  }
  return atLargest
}

function decodeValues(column: LeafColumn, encoding: number, page: Uint8Array<ArrayBuffer>, at: number, count: number, dictionary: ArrayLike<unknown> | null): ArrayLike<unknown> {
  if (count === 0) return []
  const { type, type_length: length } = column.element
  const reader = { view: new DataView(page.buffer), offset: at }
  switch (encoding) {
    case ENCODING.plain:
      return plainValues(column, page, at, count)
    case ENCODING.plainDictionary:
    case ENCODING.dictionary:
      return dictionaryValues(page, at, count, dictionary)
    case ENCODING.rle: {
      if (type !== 'BOOLEAN') throw new Error(`RLE cannot encode ${type}`)
      const size = reader.view.getUint32(at, true)
      return Array.from(decodeHybrid(page.subarray(at + 4, at + 4 + size), 1, count), (bit) => bit === 1)
    }
    case ENCODING.deltaBinaryPacked: {
      if (type !== 'INT32' && type !== 'INT64') throw new Error(`DELTA_BINARY_PACKED cannot encode ${type}`)
      const values = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count)
      deltaBinaryUnpack(reader, count, values)
      return values
    }
    case ENCODING.deltaLengthByteArray: {
      const values: Uint8Array[] = []
      deltaLengthByteArray(reader, count, values)
      return values
    }
    case ENCODING.deltaByteArray: {
      const values: Uint8Array[] = []
      deltaByteArray(reader, count, values)
      return values
    }
    case ENCODING.byteStreamSplit:
      if (type === undefined) throw new Error('the column has no type')
      return byteStreamSplit(reader, count, type, length)
    default:
      throw new Error(`encoding ${encoding} is not served`)
  }
}

function plainValues({ element }: LeafColumn, page: Uint8Array<ArrayBuffer>, at: number, count: number): ArrayLike<unknown> {
  if (element.type === undefined) throw new Error('the column has no type')
  // Every value but a boolean takes a byte at least; a larger count would only fill memory.
  if (count > (page.length - at) * 8) throw new RangeError(`${count} values in ${page.length - at} bytes`)
  return readPlain({ view: new DataView(page.buffer), offset: at }, element.type, count, element.type_length)
}

function dictionaryValues(page: Uint8Array, at: number, count: number, dictionary: ArrayLike<unknown> | null): ArrayLike<unknown> {
  if (dictionary === null) throw new Error('a page refers to a dictionary that is missing')
  const width = page[at]
  if (width === undefined) throw new RangeError('a page ends before its dictionary indexes')
  const indexes = decodeHybrid(page.subarray(at + 1), width, count)
  return Array.from(indexes, (index) => {
    if (index >= dictionary.length) throw new RangeError(`index ${index} in a dictionary of ${dictionary.length}`)
    return dictionary[index]
  })
}

/** A page in a buffer of its own, so that no length in it can reach other bytes. */
function ownBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}
