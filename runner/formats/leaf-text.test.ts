import fc from 'fast-check'
import type { SchemaElement } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { leafText } from './leaf-text.ts'
import { leafType } from './leaf-type.ts'

const text = (element: Omit<SchemaElement, 'name'>, value: unknown): string => leafText(leafType({ name: 'x', ...element }).meaning).text(value)
const json = (element: Omit<SchemaElement, 'name'>, value: unknown): string => leafText(leafType({ name: 'x', ...element }).meaning).json(value)
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describe('values of a leaf column', () => {
  it.each<[string, Omit<SchemaElement, 'name'>, unknown, string, string]>([
    ['INT64', { type: 'INT64' }, 9_007_199_254_740_993n, '9007199254740993', '9007199254740993'],
    ['INT64 INTEGER(64, unsigned)', { type: 'INT64', converted_type: 'UINT_64' }, -1n, '18446744073709551615', '18446744073709551615'],
    ['INT32 INTEGER(32, unsigned)', { type: 'INT32', logical_type: { type: 'INTEGER', bitWidth: 32, isSigned: false } }, -1, '4294967295', '4294967295'],
    ['INT32 INTEGER(8, signed)', { type: 'INT32', converted_type: 'INT_8' }, -128, '-128', '-128'],
    ['BOOLEAN', { type: 'BOOLEAN' }, true, 'true', 'true'],
    ['FLOAT', { type: 'FLOAT' }, Math.fround(0.1), '0.1', '0.1'],
    ['DOUBLE', { type: 'DOUBLE' }, 0.1 + 0.2, '0.30000000000000004', '0.30000000000000004'],
    ['DOUBLE', { type: 'DOUBLE' }, -0, '-0', '-0'],
    ['DOUBLE', { type: 'DOUBLE' }, -Infinity, '-Infinity', '"-Infinity"'],
    ['DOUBLE', { type: 'DOUBLE' }, NaN, 'NaN', '"NaN"'],
    ['FIXED_LEN_BYTE_ARRAY(2) FLOAT16', { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 2, logical_type: { type: 'FLOAT16' } }, bytes(0x01, 0xbc), '-1.0009765625', '-1.0009765625'],
    ['FIXED_LEN_BYTE_ARRAY(2) FLOAT16', { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 2, logical_type: { type: 'FLOAT16' } }, bytes(1, 0), '5.960464477539063e-8', '5.960464477539063e-8'],
    ['INT32 DECIMAL(9, 2)', { type: 'INT32', converted_type: 'DECIMAL', precision: 9, scale: 2 }, -5, '-0.05', '-0.05'],
    ['INT64 DECIMAL(18, 0)', { type: 'INT64', logical_type: { type: 'DECIMAL', precision: 18, scale: 0 } }, 120n, '120', '120'],
    ['FIXED_LEN_BYTE_ARRAY(16) DECIMAL(38, 6)', { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, converted_type: 'DECIMAL', precision: 38, scale: 6 }, bytes(...Array.from({ length: 15 }, () => 255), 254), '-0.000002', '-0.000002'],
    ['BYTE_ARRAY DECIMAL(38, 10)', { type: 'BYTE_ARRAY', converted_type: 'DECIMAL', precision: 38, scale: 10 }, bytes(0x4b, 0x3b, 0x4c, 0xa8, 0x5a, 0x86, 0xc4, 0x7a, 0x09, 0x8a, 0x22, 0x3f, 0xff, 0xff, 0xff, 0xff), '9999999999999999999999999999.9999999999', '9999999999999999999999999999.9999999999'],
    ['INT32 DATE', { type: 'INT32', converted_type: 'DATE' }, -1, '1969-12-31', '"1969-12-31"'],
    ['INT32 TIME(MILLIS, UTC)', { type: 'INT32', converted_type: 'TIME_MILLIS' }, 3_661_001, '01:01:01.001', '"01:01:01.001"'],
    ['INT64 TIMESTAMP(MICROS, UTC)', { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' }, 1n, '1970-01-01T00:00:00.000001Z', '"1970-01-01T00:00:00.000001Z"'],
    ['INT64 TIMESTAMP(NANOS, local)', { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'NANOS' } }, 1n, '1970-01-01T00:00:00.000000001', '"1970-01-01T00:00:00.000000001"'],
    ['INT96', { type: 'INT96' }, (2_440_589n << 64n) | 1_000n, '1970-01-02T00:00:00.000001000', '"1970-01-02T00:00:00.000001000"'],
    ['FIXED_LEN_BYTE_ARRAY(16) UUID', { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, logical_type: { type: 'UUID' } }, bytes(0, 17, 34, 51, 68, 85, 102, 119, 136, 153, 170, 187, 204, 221, 238, 255), '00112233-4455-6677-8899-aabbccddeeff', '"00112233-4455-6677-8899-aabbccddeeff"'],
    ['BYTE_ARRAY ENUM', { type: 'BYTE_ARRAY', converted_type: 'ENUM' }, Buffer.from('red'), 'red', '"red"'],
    ['BYTE_ARRAY STRING', { type: 'BYTE_ARRAY', logical_type: { type: 'STRING' } }, Buffer.from('\uFEFF"é"\n'), '\uFEFF"é"\n', '"\uFEFF\\"é\\"\\n"'],
    ['BYTE_ARRAY', { type: 'BYTE_ARRAY' }, Buffer.from('text'), 'text', '"text"'],
    ['BYTE_ARRAY JSON', { type: 'BYTE_ARRAY', converted_type: 'JSON' }, Buffer.from('{"n": 12345678901234567890}'), '{"n": 12345678901234567890}', '{"n": 12345678901234567890}'],
  ])('of type %s are written exactly', (words, element, value, asText, asJson) => {
    expect(leafType({ name: 'x', ...element }).words).toBe(words)
    expect(text(element, value)).toBe(asText)
    expect(json(element, value)).toBe(asJson)
  })

  it.each<[string, Omit<SchemaElement, 'name'>, string]>([
    ['fixed binary', { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 4 }, 'binary of 4 bytes'],
    ['intervals', { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 12, converted_type: 'INTERVAL' }, 'INTERVAL'],
    ['BSON', { type: 'BYTE_ARRAY', converted_type: 'BSON' }, 'BSON'],
    ['shapes', { type: 'BYTE_ARRAY', logical_type: { type: 'GEOMETRY' } }, 'WKB'],
    ['annotations that do not fit', { type: 'INT64', converted_type: 'DATE' }, 'DATE cannot annotate INT64'],
  ])('are unsupported for %s, with the reason', (_name, element, reason) => {
    expect(leafType({ name: 'x', ...element }).meaning).toMatchObject({ kind: 'unsupported', reason: expect.stringContaining(reason) as string })
  })

  it.each<[string, Omit<SchemaElement, 'name'>, unknown, string]>([
    ['bytes that are not UTF-8', { type: 'BYTE_ARRAY' }, bytes(0xff), 'not UTF-8'],
    ['a time of day past midnight', { type: 'INT32', converted_type: 'TIME_MILLIS' }, 86_400_000, 'no time of day'],
    ['an INT96 with a negative time', { type: 'INT96' }, -1n, 'no time of day'],
  ])('are refused for %s', (_name, element, value, cause) => {
    expect(() => text(element, value)).toThrow(cause)
  })

  it('are refused as JSON when they claim to be JSON and are not', () => {
    expect(() => json({ type: 'BYTE_ARRAY', converted_type: 'JSON' }, Buffer.from('{'))).toThrow('holds none')
  })

  it('of 32-bit floats read back as the same float, in as few digits as another tool needs', () => {
    fc.assert(fc.property(fc.float({ noNaN: true }), (value) => {
      const written = text({ type: 'FLOAT' }, value)
      expect(Object.is(Math.fround(Number(written)), value)).toBe(true)
      expect(written.replace(/^-0$/, '0').length).toBeLessThanOrEqual(String(value).length)
    }))
  })

  it('of decimals are the unscaled integer with a point', () => {
    fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer({ min: 1, max: 18 }), (value, scale) => {
      const written = text({ type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale }, value)
      expect(BigInt(written.replace('.', ''))).toBe(value)
      expect(written).toMatch(new RegExp(`^-?\\d+\\.\\d{${scale}}$`))
    }))
  })
})
