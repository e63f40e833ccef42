import fc from 'fast-check'
import { parquetMetadata } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { extendArrowSchema } from './arrow-schema.ts'
import { appendToJsonArray } from './json-array-append.ts'
import { extendKeyValues } from './key-value-metadata.ts'
import { testFile } from './testdata/corpus.ts'
import { binaryField, encodeStruct } from './thrift-compact.ts'

const COLUMNS = [{ name: 'réponse', type: 'string' }, { name: 'tokens', type: 'int32' }] as const

describe('appending to a JSON array in place', () => {
  it('adds the elements and changes nothing else', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue())
    fc.assert(fc.property(object, fc.array(fc.jsonValue()), fc.array(fc.jsonValue(), { maxLength: 3 }), object, fc.constantFrom(0, 2), (before, list, added, after, indent) => {
      const whole = { ...before, fields: list, ...after, 'last "fields": [': ['fields'] }
      if (!Array.isArray(whole.fields)) return
      const json = JSON.stringify(whole, null, indent)
      const changed = appendToJsonArray(json, 'fields', added)
      expect(JSON.parse(changed)).toEqual(JSON.parse(JSON.stringify({ ...whole, fields: [...whole.fields, ...added] })))
      expect(changed.length).toBe(json.length + added.map((value) => JSON.stringify(value)).join(',').length + (added.length > 0 && whole.fields.length > 0 ? 1 : 0))
    }))
  })

  it('keeps numbers that a double cannot hold', () => {
    expect(appendToJsonArray('{"n": 12345678901234567890, "fields": [ {"fields": [1]} ]}', 'fields', [2])).toBe('{"n": 12345678901234567890, "fields": [ {"fields": [1]} ,2]}')
  })

  it.each([['[]', 'no "fields"'], ['{"fields": 1}', 'no list'], ['{', 'JSON'], ['null', 'no "fields"']])('refuses %s', (json, cause) => {
    expect(() => appendToJsonArray(json, 'fields', [])).toThrow(cause)
  })
})

describe('ARROW:schema', () => {
  const value = (): string => parquetMetadata(new Uint8Array(testFile('sort_columns.parquet')).buffer).key_value_metadata?.find(({ key }) => key === 'ARROW:schema')?.value ?? ''

  it('has the new fields in front of the old buffer, which it keeps verbatim', () => {
    const old = Buffer.from(value(), 'base64')
    const extended = Buffer.from(extendArrowSchema(value(), 2, COLUMNS), 'base64')
    expect(extended.includes(old.subarray(8, 8 + old.readUInt32LE(4)))).toBe(true)
    expect(extended.includes('réponse')).toBe(true)
    expect(extended.length % 8).toBe(0)
    // It is a schema again, of 4 fields.
    expect(() => extendArrowSchema(extended.toString('base64'), 4, COLUMNS)).not.toThrow()
    expect(() => extendArrowSchema(extended.toString('base64'), 3, COLUMNS)).toThrow('4 fields, the file 3')
  })

  it('is refused when it is none, or another', () => {
    expect(() => extendArrowSchema(value(), 3, COLUMNS)).toThrow('2 fields, the file 3')
    expect(() => extendArrowSchema(value().slice(0, 40), 2, COLUMNS)).toThrow('cut short')
    const entries = [encodeStruct([binaryField(1, 'ARROW:schema'), binaryField(2, 'AAAA')])]
    expect(() => extendKeyValues('file:///a.parquet', entries, 2, COLUMNS)).toThrow(/^file:\/\/\/a\.parquet: .*"ARROW:schema"/)
  })
})

describe('Avro schema', () => {
  it('is refused for a name that Avro does not allow, naming it', () => {
    const entries = [encodeStruct([binaryField(1, 'parquet.avro.schema'), binaryField(2, '{"type":"record","name":"r","fields":[]}')])]
    expect(() => extendKeyValues('file:///a.parquet', entries, 0, COLUMNS)).toThrow('"réponse" is no Avro name')
  })
})
