import type { Bound, ColumnStatistics } from './column-statistics.ts'

/** The pages of one added column for the rows of a chunk that lie in one row group. */
export interface RunRecord {
  readonly rowGroup: number
  /** Index in `ADDED_FIELDS`. */
  readonly column: number
  readonly rows: number
  /** Offset in the part, in bytes. */
  readonly offset: number
  /** Bytes, page headers included. */
  readonly size: number
  /** Bytes before compression, page headers included. */
  readonly uncompressedSize: number
  readonly statistics: ColumnStatistics
}

/** What a part holds: runs in the order of their bytes, without gaps, from offset 0 to the index. */
export interface PartIndex {
  readonly from: number
  readonly to: number
  readonly runs: readonly RunRecord[]
}

/** Bytes behind the index: its length (u32, little endian) and the magic. */
export const PART_TRAILER_SIZE = 8
/** Largest index that is read, in bytes: about 200,000 runs. */
export const PART_INDEX_LIMIT = 32 * 1024 * 1024
const PART_MAGIC = 'LBP1'

/** The index and trailer that end a part: `[JSON][length][LBP1]`. Bounds are base64. */
export function encodePartIndex(index: PartIndex): Uint8Array {
  const json = Buffer.from(JSON.stringify({
    from: index.from,
    to: index.to,
    runs: index.runs.map(({ statistics, ...run }) => ({ ...run, nulls: statistics.nulls, min: boundText(statistics.min), max: boundText(statistics.max) })),
  }))
  const trailer = Buffer.alloc(PART_TRAILER_SIZE)
  trailer.writeUInt32LE(json.length, 0)
  trailer.write(PART_MAGIC, 4, 'latin1')
  return Buffer.concat([json, trailer])
}

/** The length of the index, from a part's last bytes; null when they are no part's. */
export function partIndexLength(tail: Uint8Array): number | null {
  const trailer = Buffer.from(tail.subarray(tail.length - PART_TRAILER_SIZE))
  return trailer.length === PART_TRAILER_SIZE && trailer.toString('latin1', 4) === PART_MAGIC ? trailer.readUInt32LE(0) : null
}

/** Reads the JSON of an index. Throws Error with the cause when it is not what `encodePartIndex` writes, or has gaps. */
export function decodePartIndex(json: Uint8Array): PartIndex {
  const value = record(JSON.parse(Buffer.from(json).toString('utf8')))
  const { runs } = value
  if (!Array.isArray(runs)) throw new Error('its runs are no list')
  const decoded = runs.map((item: unknown) => decodeRun(record(item)))
  decoded.reduce((offset, run) => {
    if (run.offset !== offset) throw new Error(`a run starts at ${run.offset}, not ${offset}`)
    return offset + run.size
  }, 0)
  return { from: count(value, 'from'), to: count(value, 'to'), runs: decoded }
}

function decodeRun(value: Readonly<Record<string, unknown>>): RunRecord {
  return {
    rowGroup: count(value, 'rowGroup'),
    column: count(value, 'column'),
    rows: count(value, 'rows'),
    offset: count(value, 'offset'),
    size: count(value, 'size'),
    uncompressedSize: count(value, 'uncompressedSize'),
    statistics: { nulls: count(value, 'nulls'), min: bound(value['min']), max: bound(value['max']) },
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error('it is no object')
  return value as Readonly<Record<string, unknown>>
}

function count(value: Readonly<Record<string, unknown>>, name: string): number {
  const number = value[name]
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) throw new Error(`its ${name} is ${JSON.stringify(number)}`)
  return number
}

function boundText(value: Bound | null): { readonly bytes: string; readonly exact: boolean } | null {
  return value === null ? null : { bytes: Buffer.from(value.bytes).toString('base64'), exact: value.exact }
}

function bound(value: unknown): Bound | null {
  if (value === null) return null
  const { bytes, exact } = record(value)
  if (typeof bytes !== 'string' || typeof exact !== 'boolean') throw new Error('a bound has no bytes')
  return { bytes: Buffer.from(bytes, 'base64'), exact }
}
