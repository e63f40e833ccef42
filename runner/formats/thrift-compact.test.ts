import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ENCRYPTED_FILES, footerOf, GOOD_FILES, testFile } from './testdata/corpus.ts'
import {
  binaryField, boolField, bytesOf, encodeList, encodeStruct, i32Field, i64Field, integerOf, listField, readList, readStruct, structField, textOf, ThriftError, WIRE, withField, type ThriftField,
} from './thrift-compact.ts'

/** Takes a struct apart down to its scalars and puts it together again. */
function rebuilt(bytes: Uint8Array): Uint8Array {
  return encodeStruct(readStruct(bytes).fields.map((field) => {
    if (field.wire === WIRE.struct) return { ...field, raw: rebuilt(field.raw) }
    if (field.wire !== WIRE.list) return field
    const { wire, items } = readList(field.raw)
    return { ...field, raw: encodeList(wire, wire === WIRE.struct ? items.map(rebuilt) : items) }
  }))
}

const scalar = (id: number): fc.Arbitrary<ThriftField> =>
  fc.oneof(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((value) => i32Field(id, value)),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => i64Field(id, value)),
    fc.boolean().map((value) => boolField(id, value)),
    fc.uint8Array({ maxLength: 300 }).map((value) => binaryField(id, value)),
  )
const ids = fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { maxLength: 12 }).map((list) => list.toSorted((a, b) => a - b))
const flat = ids.chain((list) => fc.tuple(...list.map(scalar)))
const struct = ids.chain((list) => fc.tuple(...list.map((id) => fc.oneof(scalar(id), flat.map((fields) => structField(id, fields)), fc.array(flat, { maxLength: 20 }).map((items) => listField(id, WIRE.struct, items.map(encodeStruct)))))))

describe('thrift compact codec', () => {
  it.each([...GOOD_FILES, ...ENCRYPTED_FILES.filter((name) => name.includes('plaintext'))])('gives back the footer of %s byte for byte', (name) => {
    const footer = footerOf(testFile(name))
    const { end } = readStruct(footer)
    expect(Buffer.from(rebuilt(footer.subarray(0, end))).equals(footer.subarray(0, end))).toBe(true)
  })

  it('gives back any struct byte for byte', () => {
    fc.assert(fc.property(struct, (fields) => {
      const bytes = encodeStruct(fields)
      expect(readStruct(bytes).end).toBe(bytes.length)
      expect(Buffer.from(rebuilt(bytes))).toEqual(Buffer.from(bytes))
    }))
  })

  it('gives back scalars', () => {
    fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.uint8Array(), fc.string({ unit: 'grapheme' }), (integer, bytes, text) => {
      expect(integerOf(i64Field(1, integer))).toBe(integer)
      expect(Buffer.from(bytesOf(binaryField(1, bytes)))).toEqual(Buffer.from(bytes))
      expect(textOf(binaryField(1, text))).toBe(text)
    }))
  })

  it('passes over sets, maps, doubles and UUIDs it has no use for', () => {
    const map = Uint8Array.of(1, (WIRE.binary << 4) | WIRE.true, 1, 65, 1)
    const fields = [
      { id: 1, wire: WIRE.map, raw: map },
      { id: 2, wire: WIRE.map, raw: Uint8Array.of(0) },
      { id: 3, wire: WIRE.set, raw: Uint8Array.of((2 << 4) | WIRE.i8, 7, 8) },
      { id: 4, wire: WIRE.double, raw: new Uint8Array(8) },
      { id: 400, wire: WIRE.uuid, raw: new Uint8Array(16) },
    ]
    expect(readStruct(encodeStruct(fields)).fields.map(({ id, raw }) => [id, [...raw]])).toEqual(fields.map(({ id, raw }) => [id, [...raw]]))
  })

  it('ends with ThriftError on any bytes that are cut or made up', () => {
    const attempt = (bytes: Uint8Array): void => {
      try {
        const { end } = readStruct(bytes)
        expect(end).toBeLessThanOrEqual(bytes.length)
      } catch (error) {
        expect(error).toBeInstanceOf(ThriftError)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt))
    fc.assert(fc.property(struct, fc.nat(), (fields, cut) => {
      const bytes = encodeStruct(fields)
      expect(() => readStruct(bytes.subarray(0, cut % bytes.length))).toThrow(ThriftError)
    }))
    expect(() => readStruct(new Uint8Array(500).fill(0x1c))).toThrow('nested')
  })

  it('puts a new field where its id belongs, and an old one in its place', () => {
    const fields = [i32Field(1, 1), i32Field(5, 5)]
    expect(withField(fields, i32Field(3, 3)).map(({ id }) => id)).toEqual([1, 3, 5])
    expect(withField(fields, i32Field(7, 7)).map(({ id }) => id)).toEqual([1, 5, 7])
    expect(withField(fields, i32Field(5, 9)).map(integerOf)).toEqual([1n, 9n])
  })
})
