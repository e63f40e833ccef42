import { assert, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatTime, parseTime } from './rfc3339.ts'

describe('RFC 3339 times', () => {
  it('are written as JavaScript writes them and read back, for every moment of the years 0 to 9999', () => {
    assert(
      property(integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (ms) => {
        expect(formatTime(ms)).toBe(new Date(ms).toISOString())
        expect(parseTime(formatTime(ms))).toBe(ms)
      }),
      { numRuns: 2_000 },
    )
  })

  it('are read with offsets and with fractions of any length', () => {
    expect(parseTime('2026-03-01T00:30:00+02:00')).toBe(Date.parse('2026-02-28T22:30:00Z'))
    expect(parseTime('2026-03-01T00:30:00.1234567-00:30')).toBe(Date.parse('2026-03-01T01:00:00.123Z'))
  })

  it.each(['', 'tomorrow', '2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01', '2026-01-01T00:00:00'])('are not read from %j', (text) => {
    expect(parseTime(text)).toBeUndefined()
  })
})
