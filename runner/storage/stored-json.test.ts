import { describe, expect, it } from 'vitest'
import { decodeJson, encodeJson } from './stored-json.ts'

const read = (text: string): unknown => decodeJson('memory://work/x.json', Buffer.from(text))

describe('stored JSON', () => {
  it('reads what it wrote; equal values are equal bytes', () => {
    const value = { schemaVersion: 1 as const, b: 'é\u2028', a: [1, null] }
    expect(decodeJson('memory://x', encodeJson(value))).toEqual(value)
    expect(encodeJson({ a: [1, null], b: 'é\u2028', schemaVersion: 1 })).toEqual(encodeJson(value))
  })

  it('refuses what a newer release wrote, naming the object', () => {
    expect(() => read('{"schemaVersion":2}')).toThrowError(expect.objectContaining({ code: 'VersionSkew', message: 'memory://work/x.json has schemaVersion 2; this release reads up to 1' }))
  })

  it.each(['', '{', 'null', '[]', '"text"', '{}', '{"schemaVersion":"1"}', '{"schemaVersion":0}'])('takes %j for damage', (text) => {
    expect(() => read(text)).toThrowError(expect.objectContaining({ code: 'LedgerLost' }))
  })
})
