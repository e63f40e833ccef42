import type { AddedType } from './added-columns.ts'

/** Longest min or max that is kept of a string column, in bytes. */
export const BOUND_LIMIT = 64

/** A lower or upper bound of a column's values, as PLAIN bytes without a length. */
export interface Bound {
  readonly bytes: Uint8Array
  /** Whether it is a value of the column, not one cut short (or raised, for an upper bound). */
  readonly exact: boolean
}

/** Statistics of a page, a run or a column chunk. */
export interface ColumnStatistics {
  readonly nulls: number
  /** null: all values are null, or no bound of `BOUND_LIMIT` bytes exists. */
  readonly min: Bound | null
  readonly max: Bound | null
}

/** Statistics of values given as PLAIN bytes without a length. */
export function statisticsOf(type: AddedType, values: readonly Uint8Array[], nulls: number): ColumnStatistics {
  const [first] = values
  if (first === undefined) return { nulls, min: null, max: null }
  let min = first
  let max = first
  for (const value of values) {
    if (compare(type, value, min) < 0) min = value
    if (compare(type, value, max) > 0) max = value
  }
  const upper = upperBound(max)
  // One bound without the other is of no use to a reader, and some take it for damage.
  return upper === null ? { nulls, min: null, max: null } : { nulls, min: lowerBound(min), max: upper }
}

/** Statistics of all that the given ones describe. `allNull(i)` need not be known: what has no bounds but has values makes the whole boundless. */
export function mergeStatistics(type: AddedType, parts: readonly { readonly rows: number; readonly statistics: ColumnStatistics }[]): ColumnStatistics {
  let nulls = 0
  let min: Bound | null = null
  let max: Bound | null = null
  let boundless = false
  for (const { rows, statistics } of parts) {
    nulls += statistics.nulls
    if (statistics.min === null || statistics.max === null) {
      boundless ||= statistics.nulls < rows
      continue
    }
    if (min === null || compare(type, statistics.min.bytes, min.bytes) < 0) min = statistics.min
    if (max === null || compare(type, statistics.max.bytes, max.bytes) > 0) max = statistics.max
  }
  return boundless ? { nulls, min: null, max: null } : { nulls, min, max }
}

/** The order that Parquet's TypeDefinedOrder defines: unsigned bytes for strings, by value for integers. */
function compare(type: AddedType, a: Uint8Array, b: Uint8Array): number {
  return type === 'string' ? Buffer.compare(a, b) : int32(a) - int32(b)
}

function int32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getInt32(0, true)
}

function lowerBound(value: Uint8Array): Bound {
  return value.length <= BOUND_LIMIT ? { bytes: Uint8Array.from(value), exact: true } : { bytes: Uint8Array.from(wholeCharacters(value)), exact: false }
}

/** The value, or its first characters with the last that can be raised raised by one; null when none can. */
function upperBound(value: Uint8Array): Bound | null {
  if (value.length <= BOUND_LIMIT) return { bytes: Uint8Array.from(value), exact: true }
  const characters = Array.from(Buffer.from(wholeCharacters(value)).toString('utf8'))
  while (characters.length > 0) {
    const raised = nextCharacter(characters.pop() ?? '')
    if (raised === null) continue
    const bytes = Buffer.from(characters.join('') + raised)
    if (bytes.length <= BOUND_LIMIT) return { bytes: Uint8Array.from(bytes), exact: false }
  }
  return null
}

/** The first `BOUND_LIMIT` bytes or fewer, without a part of a character at the end. */
function wholeCharacters(value: Uint8Array): Uint8Array {
  let end = BOUND_LIMIT
  while (end > 0 && ((value[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return value.subarray(0, end)
}

function nextCharacter(character: string): string | null {
  const next = (character.codePointAt(0) ?? 0) + 1
  if (next > 0x10ffff) return null
  return String.fromCodePoint(next === 0xd800 ? 0xe000 : next)
}
