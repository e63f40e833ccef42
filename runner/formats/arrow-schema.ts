import type { AddedColumn } from './added-columns.ts'

/**
 * Extends the value of the metadata key ARROW:schema: base64 of an encapsulated Arrow IPC message, which is a flatbuffer
 * `Message { version, header_type, header: Schema { endianness, fields, custom_metadata, features }, bodyLength, custom_metadata }`.
 * Flatbuffer offsets only point forward, so new Message, Schema and Field tables are put in front of the old buffer, which
 * stays verbatim and still holds the old fields.
 * Sources: https://github.com/apache/arrow/blob/main/format/Message.fbs and Schema.fbs, https://flatbuffers.dev/internals/
 */

// Slots of the tables, in the order of the .fbs files.
const MESSAGE = { version: 0, headerType: 1, header: 2, customMetadata: 4 } as const
const SCHEMA = { endianness: 0, fields: 1, customMetadata: 2, features: 3 } as const
const HEADER_SCHEMA = 1
const TYPE_INT = 2
const TYPE_UTF8 = 5
const CONTINUATION = 0xffffffff
const ALIGNMENT = 8

/** A piece of the new buffer. `anchor` is where references to it point, from its start. */
interface Piece {
  readonly size: number
  readonly anchor: number
  write(out: Buffer, at: number, positionOf: (target: Target) => number): void
}

/** What a reference points at: a new piece, or an offset in the old buffer. */
type Target = { readonly piece: Piece } | { readonly old: number }

/** A table's slot: absent, a scalar of so many bytes, or a reference. */
type Slot = null | { readonly bytes: 1 | 2 | 4 | 8; readonly value: number } | Target

/**
 * The schema with nullable fields added. `existing` is the number of fields that it must have, one for each top-level column.
 * Throws Error with the cause when the value is no such schema.
 */
export function extendArrowSchema(base64: string, existing: number, columns: readonly AddedColumn[]): string {
  const old = messageOf(Buffer.from(base64, 'base64'))
  const message = old.readUInt32LE(0)
  const schema = reference(old, message, MESSAGE.header)
  const fields = schema === 0 ? 0 : reference(old, schema, SCHEMA.fields)
  if (fields === 0 || scalar(old, message, MESSAGE.headerType, 1) !== HEADER_SCHEMA) throw new Error('it holds no Arrow schema')
  const count = old.readUInt32LE(fields)
  if (count !== existing) throw new Error(`it has ${count} fields, the file ${existing} columns`)
  const oldFields = Array.from({ length: count }, (_, i) => ({ old: fields + 4 + 4 * i + old.readUInt32LE(fields + 4 + 4 * i) }))

  const added = columns.map(fieldPieces)
  const vector = vectorPiece([...oldFields, ...added.map(({ field }) => ({ piece: field }))])
  const newSchema = tablePiece([
    { bytes: 2, value: scalar(old, schema, SCHEMA.endianness, 2) },
    { piece: vector },
    oldReference(old, schema, SCHEMA.customMetadata),
    oldReference(old, schema, SCHEMA.features),
  ])
  const newMessage = tablePiece([
    { bytes: 2, value: scalar(old, message, MESSAGE.version, 2) },
    { bytes: 1, value: HEADER_SCHEMA },
    { piece: newSchema },
    { bytes: 8, value: 0 },
    oldReference(old, message, MESSAGE.customMetadata),
  ])
  return assemble([newMessage, newSchema, vector, ...added.flatMap(({ pieces }) => pieces)], newMessage, old).toString('base64')
}

/** The flatbuffer of an encapsulated message; before Arrow 0.15 it had no continuation mark. */
function messageOf(bytes: Buffer): Buffer {
  const start = bytes.readUInt32LE(0) === CONTINUATION ? 8 : 4
  const end = start + bytes.readUInt32LE(start - 4)
  if (end > bytes.length) throw new Error('it is cut short')
  return bytes.subarray(start, end)
}

/** Position of a slot's value in its table; 0 when absent. */
function slotPosition(buffer: Buffer, table: number, slot: number): number {
  const vtable = table - buffer.readInt32LE(table)
  const entry = 4 + 2 * slot
  if (buffer.readUInt16LE(vtable) <= entry) return 0
  const offset = buffer.readUInt16LE(vtable + entry)
  return offset === 0 ? 0 : table + offset
}

function scalar(buffer: Buffer, table: number, slot: number, bytes: 1 | 2): number {
  const at = slotPosition(buffer, table, slot)
  return at === 0 ? 0 : buffer.readIntLE(at, bytes)
}

function reference(buffer: Buffer, table: number, slot: number): number {
  const at = slotPosition(buffer, table, slot)
  return at === 0 ? 0 : at + buffer.readUInt32LE(at)
}

function oldReference(buffer: Buffer, table: number, slot: number): Slot {
  const at = reference(buffer, table, slot)
  return at === 0 ? null : { old: at }
}

/** `Field { name, nullable, type_type, type, dictionary, children }` with what it points at. */
function fieldPieces({ name, type }: AddedColumn): { readonly field: Piece; readonly pieces: readonly Piece[] } {
  const nameText = stringPiece(name)
  const children = vectorPiece([])
  const typeTable = tablePiece(type === 'int32' ? [{ bytes: 4, value: 32 }, { bytes: 1, value: 1 }] : [])
  const field = tablePiece([
    { piece: nameText },
    { bytes: 1, value: 1 },
    { bytes: 1, value: type === 'int32' ? TYPE_INT : TYPE_UTF8 },
    { piece: typeTable },
    null,
    { piece: children },
  ])
  return { field, pieces: [field, nameText, typeTable, children] }
}

function tablePiece(slots: readonly Slot[]): Piece {
  const vtableSize = 4 + 2 * slots.length
  const anchor = aligned(vtableSize)
  let tableSize = 4
  const offsets = slots.map((slot) => {
    if (slot === null) return 0
    const bytes = 'bytes' in slot ? slot.bytes : 4
    const offset = Math.ceil(tableSize / bytes) * bytes
    tableSize = offset + bytes
    return offset
  })
  return {
    size: anchor + tableSize,
    anchor,
    write(out, at, positionOf) {
      out.writeUInt16LE(vtableSize, at)
      out.writeUInt16LE(tableSize, at + 2)
      offsets.forEach((offset, i) => out.writeUInt16LE(offset, at + 4 + 2 * i))
      const table = at + anchor
      out.writeInt32LE(anchor, table)
      slots.forEach((slot, i) => {
        const position = table + (offsets[i] ?? 0)
        if (slot === null) return
        if (!('bytes' in slot)) out.writeUInt32LE(positionOf(slot) - position, position)
        else if (slot.bytes === 8) out.writeBigInt64LE(BigInt(slot.value), position)
        else out.writeIntLE(slot.value, position, slot.bytes)
      })
    },
  }
}

function vectorPiece(targets: readonly Target[]): Piece {
  return {
    size: 4 + 4 * targets.length,
    anchor: 0,
    write(out, at, positionOf) {
      out.writeUInt32LE(targets.length, at)
      targets.forEach((target, i) => {
        const position = at + 4 + 4 * i
        out.writeUInt32LE(positionOf(target) - position, position)
      })
    },
  }
}

function stringPiece(text: string): Piece {
  const utf8 = Buffer.from(text)
  return {
    // One zero byte ends a string.
    size: 4 + utf8.length + 1,
    anchor: 0,
    write(out, at) {
      out.writeUInt32LE(utf8.length, at)
      utf8.copy(out, at + 4)
    },
  }
}

/** The new pieces, then the old buffer, as an encapsulated message. References only point forward: each piece comes before what it names. */
function assemble(pieces: readonly Piece[], root: Piece, old: Buffer): Buffer {
  const positions = new Map<Piece, number>()
  let end = ALIGNMENT
  for (const piece of pieces) {
    positions.set(piece, end)
    end += aligned(piece.size)
  }
  const oldStart = end
  const positionOf = (target: Target): number => ('old' in target ? oldStart + target.old : (positions.get(target.piece) ?? 0) + target.piece.anchor)
  const body = Buffer.alloc(aligned(oldStart + old.length))
  body.writeUInt32LE(positionOf({ piece: root }), 0)
  for (const piece of pieces) piece.write(body, positions.get(piece) ?? 0, positionOf)
  old.copy(body, oldStart)
  const head = Buffer.alloc(8)
  head.writeUInt32LE(CONTINUATION, 0)
  head.writeUInt32LE(body.length, 4)
  return Buffer.concat([head, body])
}

function aligned(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT
}
