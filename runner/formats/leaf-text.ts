import type { LeafMeaning } from './leaf-type.ts'
import { dateText, isTimeOfDay, timestampText, timeText } from './temporal-text.ts'

/** A value that has no exact text, though its column has. */
export class NoExactText extends Error {
  override readonly name = 'NoExactText'
}

/** How a leaf column's physical values are written. Both throw NoExactText, or Error when the page holds something else. */
export interface LeafText {
  /** As a person would write it. */
  text(value: unknown): string
  /** As JSON: numbers in full digits; NaN and the infinities as strings, as in protobuf's JSON. */
  json(value: unknown): string
}

/** Longest string that is read, in bytes: well below V8's limit, well above what a provider takes. */
const STRING_LIMIT = 256 * 1024 * 1024

// A BOM is kept: it is part of the value.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function leafText(meaning: LeafMeaning): LeafText {
  switch (meaning.kind) {
    case 'boolean':
      return bare((value) => String(boolean(value)))
    case 'integer':
      return bare((value) => integerText(value, meaning.bits, meaning.signed))
    case 'decimal':
      return bare((value) => decimalText(unscaled(value), meaning.scale))
    case 'float':
      return floating((value) => floatText(number(value)))
    case 'double':
      return floating((value) => doubleText(number(value)))
    case 'float16':
      return floating((value) => doubleText(float16(bytes(value))))
    case 'date':
      return quoted((value) => dateText(BigInt(number(value))))
    case 'time':
      return quoted((value) => timeText(timeOfDay(integer(value), meaning.unit), meaning.unit))
    case 'timestamp':
      return quoted((value) => timestampText(integer(value), meaning.unit, meaning.utc))
    case 'int96':
      return quoted((value) => int96Text(integer(value)))
    case 'uuid':
      return quoted((value) => uuidText(bytes(value)))
    case 'string':
      return quoted((value) => stringText(bytes(value)))
    case 'json':
      return { text: (value) => stringText(bytes(value)), json: (value) => jsonDocument(stringText(bytes(value))) }
    case 'null':
      return bare(() => 'null')
    case 'unsupported':
      return bare(() => {
        throw new NoExactText(meaning.reason)
      })
  }
}

function bare(text: (value: unknown) => string): LeafText {
  return { text, json: text }
}

function quoted(text: (value: unknown) => string): LeafText {
  return { text, json: (value) => JSON.stringify(text(value)) }
}

function floating(text: (value: unknown) => string): LeafText {
  return {
    text,
    json(value) {
      const written = text(value)
      return /^-?\d/.test(written) ? written : JSON.stringify(written)
    },
  }
}

function integerText(value: unknown, bits: 32 | 64, signed: boolean): string {
  const wide = integer(value)
  return (signed ? wide : BigInt.asUintN(bits, wide)).toString()
}

/** Digits with the point `scale` places from the right. */
function decimalText(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString()
  const sign = value < 0n ? '-' : ''
  if (scale < 0) return `${sign}${value === 0n ? '0' : digits + '0'.repeat(-scale)}`
  if (scale === 0) return `${sign}${digits}`
  const padded = digits.padStart(scale + 1, '0')
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

/** The unscaled integer of a decimal; big-endian two's complement when it is stored as bytes. */
function unscaled(value: unknown): bigint {
  if (!(value instanceof Uint8Array)) return integer(value)
  if (value.length === 0) throw new NoExactText('a decimal of 0 bytes')
  return BigInt.asIntN(value.length * 8, BigInt(`0x${Buffer.from(value).toString('hex')}`))
}

function doubleText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

/** The shortest digits that give the same 32-bit float. */
function floatText(value: number): string {
  if (!Number.isFinite(value) || value === 0) return doubleText(value)
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return doubleText(short)
  }
  return doubleText(Number(value.toPrecision(9)))
}

function float16(value: Uint8Array): number {
  const bits = Buffer.from(value).readUInt16LE(0)
  const sign = bits >> 15 === 0 ? 1 : -1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25)
}

function timeOfDay(value: bigint, unit: Parameters<typeof isTimeOfDay>[1]): bigint {
  if (!isTimeOfDay(value, unit)) throw new NoExactText(`${value} is no time of day in ${unit}`)
  return value
}

/** An INT96 is nanoseconds of the day (64 bits) and a Julian day (32 bits above). */
function int96Text(value: bigint): string {
  const nanos = timeOfDay(BigInt.asIntN(64, value), 'NANOS')
  const days = (value >> 64n) - 2_440_588n
  return timestampText(days * 86_400_000_000_000n + nanos, 'NANOS', false)
}

function uuidText(value: Uint8Array): string {
  if (value.length !== 16) throw new Error(`a UUID of ${value.length} bytes`)
  return Buffer.from(value).toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function stringText(value: Uint8Array): string {
  if (value.length > STRING_LIMIT) throw new NoExactText(`it holds ${value.length} bytes; at most ${STRING_LIMIT} are read`)
  try {
    return utf8.decode(value)
  } catch (error) {
    throw new NoExactText('it holds bytes that are not UTF-8', { cause: error })
  }
}

function jsonDocument(text: string): string {
  try {
    JSON.parse(text)
    return text
  } catch (error) {
    throw new NoExactText('its type is JSON but it holds none', { cause: error })
  }
}

function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrong('boolean', value)
  return value
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw wrong('number', value)
  return value
}

function integer(value: unknown): bigint {
  if (typeof value === 'bigint') return value
  return BigInt(number(value))
}

function bytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrong('byte array', value)
  return value
}

function wrong(expected: string, value: unknown): Error {
  return new Error(`the page holds ${value === undefined ? 'nothing' : typeof value} where a ${expected} belongs`)
}
