import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bar, column, count, counted, displayWidth, duration, fit, mebibytes } from './text-format.ts'

describe('numbers for people', () => {
  it('groups digits by three', () => {
    expect([0, 999, 1000, 35_544, 12_345_678].map(count)).toEqual(['0', '999', '1,000', '35,544', '12,345,678'])
    expect([counted(1, 'row'), counted(2000, 'row')]).toEqual(['1 row', '2,000 rows'])
  })

  it('writes times as on a clock and memory in MiB', () => {
    expect([0, 7_900, 750_000, 11_100_000].map(duration)).toEqual(['0:00', '0:07', '12:30', '3:05:00'])
    expect(mebibytes(256 * 1024 * 1024)).toBe('256 MiB')
  })
})

describe('bar', () => {
  it('shows what is done and what is under way', () => {
    expect(bar(8, 4, 2, 3)).toBe('████▒▒░░')
    expect(bar(8, 0, 0)).toBe('░░░░░░░░')
    expect(bar(4, 3, 3)).toBe('████')
  })

  it('is as wide as asked and full only when all is done', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 80 }), fc.nat(1e6), fc.nat(1e6), fc.nat(1e6), (width, total, first, more) => {
        const drawn = bar(width, total, first, first + more)
        expect([...drawn]).toHaveLength(width)
        if (first < total) expect(drawn).not.toBe('█'.repeat(width))
      }),
    )
  })
})

describe('fit', () => {
  it('cuts what is too long and says so', () => {
    expect(fit('a long sentence', 8)).toBe('a long …')
    expect(fit('short', 8)).toBe('short')
  })

  it('counts wide characters as two columns', () => {
    expect(displayWidth('日本')).toBe(4)
    expect(fit('日本語テキスト', 7)).toBe('日本語…')
    expect(displayWidth('é')).toBe(1)
  })

  it('lets no control sequence of an answer reach the terminal', () => {
    expect(fit('red \u001b[31mtext\r\nnext\u0007', 40)).toBe('red  [31mtext next ')
  })

  it('never gives more columns than asked, and column exactly as many', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 60 }), (text, width) => {
        expect(displayWidth(fit(text, width))).toBeLessThanOrEqual(width)
        expect(displayWidth(column(text, width))).toBe(width)
      }),
    )
  })
})
