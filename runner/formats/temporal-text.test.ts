import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dateText, timestampText, timeText } from './temporal-text.ts'

describe('dates and times as text', () => {
  it('are those of JavaScript, over the years that it writes with four digits', () => {
    const from = BigInt(new Date('0000-01-01T00:00:00Z').setUTCFullYear(0))
    const to = BigInt(Date.UTC(9999, 11, 31, 23, 59, 59, 999))
    fc.assert(fc.property(fc.bigInt({ min: from, max: to }), fc.nat({ max: 999_999 }), (milliseconds, rest) => {
      const iso = new Date(Number(milliseconds)).toISOString()
      expect(timestampText(milliseconds, 'MILLIS', true)).toBe(iso)
      const digits = rest.toString().padStart(6, '0')
      expect(timestampText(milliseconds * 1_000_000n + BigInt(rest), 'NANOS', false)).toBe(iso.replace('Z', digits))
      expect(timestampText(milliseconds * 1000n + BigInt(rest % 1000), 'MICROS', true)).toBe(iso.replace('Z', `${(rest % 1000).toString().padStart(3, '0')}Z`))
    }))
  })

  it('keep every digit, and write far years with a sign', () => {
    expect(timestampText(-1n, 'NANOS', true)).toBe('1969-12-31T23:59:59.999999999Z')
    expect(timestampText(1_709_251_199_123_456n, 'MICROS', false)).toBe('2024-02-29T23:59:59.123456')
    expect(timeText(86_399_999_999n, 'MICROS')).toBe('23:59:59.999999')
    expect(dateText(0n)).toBe('1970-01-01')
    expect(dateText(-719_529n)).toBe('-000001-12-31')
    expect(dateText(2_932_897n)).toBe('+010000-01-01')
    expect(dateText(2_147_483_647n)).toBe('+5881580-07-11')
  })
})
