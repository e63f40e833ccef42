import { constants, crc32, zstdCompressSync } from 'node:zlib'
import type { AddedType } from './added-columns.ts'
import { encodeDefinitionLevels } from './definition-levels.ts'
import { statisticsOf, type ColumnStatistics } from './column-statistics.ts'
import { encodeStruct, i32Field, structField } from './thrift-compact.ts'

/** Rows of a page, at most. */
export const PAGE_ROWS = 20_000
/** Bytes of a page's values before compression, at most; a single longer value has a page of its own. */
export const PAGE_BYTES = 1024 * 1024

/** A data page with its header, as it stands in the file. */
export interface Page {
  readonly bytes: Uint8Array
  /** Bytes before compression, the header included. */
  readonly uncompressedSize: number
  readonly rows: number
  readonly statistics: ColumnStatistics
}

// Numbers of parquet.thrift's enums.
const DATA_PAGE = 0
const PLAIN = 0
const RLE = 3
const ZSTD_LEVEL = 3

/**
 * Encodes nullable values as DATA_PAGE (v1) pages: PLAIN, ZSTD, no dictionary, with a CRC. Such pages share no state, so the
 * pages of several writers, one after another, are a valid column chunk.
 * Memory: one page (`PAGE_ROWS`, `PAGE_BYTES`, or one value).
 */
export class PageEncoder {
  readonly #type: AddedType
  #present: boolean[] = []
  #values: Uint8Array[] = []
  #size = 0

  constructor(type: AddedType) {
    this.#type = type
  }

  /** Adds a value; returns the page that it completed, if any. An int32 must be one: the caller checks. */
  add(value: string | number | null): Page | null {
    const bytes = value === null ? null : plainBytes(value)
    const prefix = this.#type === 'string' ? 4 : 0
    const size = bytes === null ? 0 : bytes.length + prefix
    const full = this.#present.length === PAGE_ROWS || (this.#values.length > 0 && this.#size + size > PAGE_BYTES)
    const page = full ? this.flush() : null
    this.#present.push(bytes !== null)
    if (bytes !== null) {
      this.#values.push(bytes)
      this.#size += size
    }
    return page
  }

  /** The page of what was added since the last one; null when nothing was. */
  flush(): Page | null {
    const rows = this.#present.length
    if (rows === 0) return null
    const levels = encodeDefinitionLevels(this.#present)
    const body = Buffer.concat([lengthOf(levels), levels, ...this.#values.flatMap((value) => (this.#type === 'string' ? [lengthOf(value), value] : [value]))])
    const compressed = zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } })
    const header = encodeStruct([
      i32Field(1, DATA_PAGE),
      i32Field(2, body.length),
      i32Field(3, compressed.length),
      // A CRC is an i32 on the wire.
      i32Field(4, crc32(compressed) | 0),
      structField(5, [i32Field(1, rows), i32Field(2, PLAIN), i32Field(3, RLE), i32Field(4, RLE)]),
    ])
    const statistics = statisticsOf(this.#type, this.#values, rows - this.#values.length)
    this.#present = []
    this.#values = []
    this.#size = 0
    return { bytes: Buffer.concat([header, compressed]), uncompressedSize: header.length + body.length, rows, statistics }
  }
}

/** A value as PLAIN writes it, without a string's length. */
function plainBytes(value: string | number): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value)
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

function lengthOf(bytes: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return length
}
