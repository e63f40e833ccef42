/**
 * A shallow codec of Thrift's compact protocol. A struct is an ordered list of fields whose values stay the bytes they were
 * read as, so that a footer can be edited field by field and all that this code does not know is kept as it is.
 * Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

/** Wire types of the compact protocol. A boolean field's value is its wire type. */
export const WIRE = { true: 1, false: 2, i8: 3, i16: 4, i32: 5, i64: 6, double: 7, binary: 8, list: 9, set: 10, map: 11, struct: 12, uuid: 13 } as const

export interface ThriftField {
  readonly id: number
  readonly wire: number
  /** The value as it stands on the wire, without the field's header. Empty for a boolean. */
  readonly raw: Uint8Array
}

/** Bytes that are no Thrift of the compact protocol. */
export class ThriftError extends Error {
  override readonly name = 'ThriftError'
}

/** Structs in structs, at most; a footer needs 8. Keeps hostile bytes from exhausting the stack. */
const DEPTH_LIMIT = 64
/** Bytes of a 64-bit varint, at most. */
const VARINT_LIMIT = 10
const STOP = 0
const NOTHING = new Uint8Array(0)

/** Fields of the struct that starts at `from`, and the offset behind it. Throws ThriftError. */
export function readStruct(bytes: Uint8Array, from = 0, depth = 0): { readonly fields: readonly ThriftField[]; readonly end: number } {
  if (depth > DEPTH_LIMIT) throw new ThriftError(`structs are nested over ${DEPTH_LIMIT} deep`)
  const fields: ThriftField[] = []
  let at = from
  let id = 0
  for (;;) {
    const header = byteAt(bytes, at)
    at += 1
    if (header === STOP) return { fields, end: at }
    const delta = header >> 4
    if (delta > 0) {
      id += delta
    } else {
      const long = readVarint(bytes, at)
      id = Number(unzigzag(long.value))
      at = long.end
    }
    const wire = header & 15
    const end = skipValue(bytes, at, wire, false, depth)
    if (end > bytes.length) throw new ThriftError(`field ${id} ends behind the data`)
    fields.push({ id, wire, raw: bytes.subarray(at, end) })
    at = end
  }
}

/** A struct's bytes. Fields are written in the order given. */
export function encodeStruct(fields: readonly ThriftField[]): Uint8Array {
  const pieces: Uint8Array[] = []
  let last = 0
  for (const field of fields) {
    const delta = field.id - last
    pieces.push(delta > 0 && delta < 16 ? Uint8Array.of((delta << 4) | field.wire) : Buffer.concat([Uint8Array.of(field.wire), zigzag(field.id)]), field.raw)
    last = field.id
  }
  return Buffer.concat([...pieces, Uint8Array.of(STOP)])
}

/** Elements of a list (or set), each as its bytes on the wire. Throws ThriftError. */
export function readList(raw: Uint8Array): { readonly wire: number; readonly items: readonly Uint8Array[] } {
  const { wire, count, at } = listHeader(raw, 0)
  const items: Uint8Array[] = []
  let from = at
  for (let i = 0; i < count; i += 1) {
    const end = skipValue(raw, from, wire, true, 0)
    if (end > raw.length) throw new ThriftError('a list ends behind the data')
    items.push(raw.subarray(from, end))
    from = end
  }
  return { wire, items }
}

/** A list's bytes, without a field header. */
export function encodeList(wire: number, items: readonly Uint8Array[]): Uint8Array {
  const header = items.length < 15 ? Uint8Array.of((items.length << 4) | wire) : Buffer.concat([Uint8Array.of(0xf0 | wire), varint(BigInt(items.length))])
  return Buffer.concat([header, ...items])
}

/** An i32 as it stands in a list. */
export function encodeI32(value: number): Uint8Array {
  return zigzag(value)
}

/** A binary as it stands in a list. */
export function encodeBinary(value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return Buffer.concat([varint(BigInt(bytes.length)), bytes])
}

export function i32Field(id: number, value: number): ThriftField {
  return { id, wire: WIRE.i32, raw: zigzag(value) }
}

export function i64Field(id: number, value: bigint | number): ThriftField {
  return { id, wire: WIRE.i64, raw: zigzag(value) }
}

export function boolField(id: number, value: boolean): ThriftField {
  return { id, wire: value ? WIRE.true : WIRE.false, raw: NOTHING }
}

export function binaryField(id: number, value: string | Uint8Array): ThriftField {
  return { id, wire: WIRE.binary, raw: encodeBinary(value) }
}

export function structField(id: number, fields: readonly ThriftField[]): ThriftField {
  return { id, wire: WIRE.struct, raw: encodeStruct(fields) }
}

export function listField(id: number, wire: number, items: readonly Uint8Array[]): ThriftField {
  return { id, wire: WIRE.list, raw: encodeList(wire, items) }
}

export function fieldOf(fields: readonly ThriftField[], id: number): ThriftField | undefined {
  return fields.find((field) => field.id === id)
}

/** The value of an i16, i32 or i64 field. Throws ThriftError when it is of another type. */
export function integerOf(field: ThriftField): bigint {
  if (field.wire !== WIRE.i16 && field.wire !== WIRE.i32 && field.wire !== WIRE.i64) throw new ThriftError(`field ${field.id} is no integer`)
  return unzigzag(readVarint(field.raw, 0).value)
}

/** The bytes of a binary field. Throws ThriftError when it is of another type. */
export function bytesOf(field: ThriftField): Uint8Array {
  if (field.wire !== WIRE.binary) throw new ThriftError(`field ${field.id} is no binary`)
  return field.raw.subarray(readVarint(field.raw, 0).end)
}

/** The bytes of a binary field as UTF-8 text. */
export function textOf(field: ThriftField): string {
  return Buffer.from(bytesOf(field)).toString('utf8')
}

/** The fields with one replaced, or put in where its id belongs. */
export function withField(fields: readonly ThriftField[], field: ThriftField): readonly ThriftField[] {
  if (fieldOf(fields, field.id) !== undefined) return fields.map((old) => (old.id === field.id ? field : old))
  const after = fields.findIndex((old) => old.id > field.id)
  return after < 0 ? [...fields, field] : fields.toSpliced(after, 0, field)
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new ThriftError('the data ends within a value')
  return byte
}

function readVarint(bytes: Uint8Array, from: number): { readonly value: bigint; readonly end: number } {
  let value = 0n
  for (let i = 0; i < VARINT_LIMIT; i += 1) {
    const byte = byteAt(bytes, from + i)
    value |= BigInt(byte & 127) << BigInt(7 * i)
    if (byte < 128) return { value, end: from + i + 1 }
  }
  throw new ThriftError(`a varint has over ${VARINT_LIMIT} bytes`)
}

function skipVarint(bytes: Uint8Array, from: number): number {
  for (let i = 0; i < VARINT_LIMIT; i += 1) {
    if (byteAt(bytes, from + i) < 128) return from + i + 1
  }
  throw new ThriftError(`a varint has over ${VARINT_LIMIT} bytes`)
}

/** An unsigned number, seven bits a byte, lowest first. */
export function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

function zigzag(value: bigint | number): Uint8Array {
  const wide = BigInt(value)
  return varint(wide < 0n ? -wide * 2n - 1n : wide * 2n)
}

function unzigzag(value: bigint): bigint {
  return (value >> 1n) ^ -(value & 1n)
}

function listHeader(bytes: Uint8Array, from: number): { readonly wire: number; readonly count: number; readonly at: number } {
  const header = byteAt(bytes, from)
  if (header >> 4 < 15) return { wire: header & 15, count: header >> 4, at: from + 1 }
  const long = readVarint(bytes, from + 1)
  // Every element takes a byte at least, so a count over the bytes left is damage, not a long list.
  if (long.value > BigInt(bytes.length)) throw new ThriftError(`a list of ${long.value} elements is longer than the data`)
  return { wire: header & 15, count: Number(long.value), at: long.end }
}

/** The offset behind a value; may lie behind the data, which the callers check. */
function skipValue(bytes: Uint8Array, at: number, wire: number, inCollection: boolean, depth: number): number {
  switch (wire) {
    case WIRE.true:
    case WIRE.false:
      return inCollection ? at + 1 : at
    case WIRE.i8:
      return at + 1
    case WIRE.i16:
    case WIRE.i32:
    case WIRE.i64:
      return skipVarint(bytes, at)
    case WIRE.double:
      return at + 8
    case WIRE.uuid:
      return at + 16
    case WIRE.binary: {
      const length = readVarint(bytes, at)
      return length.end + Number(length.value)
    }
    case WIRE.list:
    case WIRE.set:
      return skipList(bytes, at, depth + 1)
    case WIRE.map:
      return skipMap(bytes, at, depth + 1)
    case WIRE.struct:
      return readStruct(bytes, at, depth + 1).end
    default:
      throw new ThriftError(`${wire} is no wire type`)
  }
}

function skipList(bytes: Uint8Array, from: number, depth: number): number {
  if (depth > DEPTH_LIMIT) throw new ThriftError(`values are nested over ${DEPTH_LIMIT} deep`)
  const { wire, count, at } = listHeader(bytes, from)
  let end = at
  for (let i = 0; i < count; i += 1) end = skipValue(bytes, end, wire, true, depth)
  return end
}

function skipMap(bytes: Uint8Array, from: number, depth: number): number {
  if (depth > DEPTH_LIMIT) throw new ThriftError(`values are nested over ${DEPTH_LIMIT} deep`)
  const count = readVarint(bytes, from)
  if (count.value === 0n) return count.end
  if (count.value > BigInt(bytes.length)) throw new ThriftError(`a map of ${count.value} entries is longer than the data`)
  const types = byteAt(bytes, count.end)
  let end = count.end + 1
  for (let i = 0; i < Number(count.value); i += 1) {
    end = skipValue(bytes, end, types >> 4, true, depth)
    end = skipValue(bytes, end, types & 15, true, depth)
  }
  return end
}
