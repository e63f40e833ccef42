import fc from 'fast-check'
import { expect, it } from 'vitest'
import { httpDate } from './http-date.ts'

it('httpDate writes the date that Date does', () => {
  const years = fc.integer({ min: 0, max: Date.UTC(2400, 0) })
  const isSame = (ms: number): boolean => httpDate(ms) === new Date(ms).toUTCString()
  fc.assert(fc.property(years, isSame), { numRuns: 1000 })
  for (const day of ['2000-02-29', '2024-02-29', '2024-03-01', '2100-02-28', '2100-03-01', '2026-12-31', '2027-01-01']) {
    expect(httpDate(Date.parse(day))).toBe(new Date(day).toUTCString())
  }
})
