import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CURRENT_CUT, cutChunks } from './cut.ts'

const texts = (rowGroups: readonly number[]): string => cutChunks(rowGroups, CURRENT_CUT).map(({ from, to }) => `${from}-${to}`).join(' ')

describe('cutting a file into chunks', () => {
  it('covers all rows, in order and without gaps, by chunks of at most one and a half targets', () => {
    const cut = fc.record({ version: fc.constant(1), targetRows: fc.integer({ min: 1, max: 50 }) })
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(20), fc.nat(400))), cut, (groups, rule) => {
        const chunks = cutChunks(groups, rule)
        let at = 0
        for (const { from, to } of chunks) {
          expect(from).toBe(at)
          expect(to).toBeGreaterThan(from)
          expect(to - from).toBeLessThanOrEqual(Math.max(1, rule.targetRows * 1.5))
          at = to
        }
        expect(at).toBe(groups.reduce((sum, rows) => sum + rows, 0))
        expect(cutChunks([...groups], rule)).toEqual(chunks)
      }),
    )
  })

  it('makes few chunks: two that follow each other do not fit into one', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30)), (groups) => {
        const chunks = cutChunks(groups, { version: 1, targetRows: 20 })
        for (const [i, { from, to }] of chunks.entries()) {
          const next = chunks[i + 1]
          if (next !== undefined && to - from < 20) expect(next.to - from).toBeGreaterThan(20)
        }
      }),
    )
  })

  it('a file that grows by row groups keeps its first chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(80)), fc.array(fc.nat(80)), (groups, more) => {
        const rule = { version: 1, targetRows: 20 }
        const before = cutChunks(groups, rule).slice(0, -1)
        expect(cutChunks([...groups, ...more], rule).slice(0, before.length)).toEqual(before)
      }),
    )
  })

  // A chunk's bounds are part of its key: another cut would find none of the answers that are there, and buy them again.
  it.each([
    [[], ''],
    [[0, 0], ''],
    [[1], '0-1'],
    [[10_000], '0-10000'],
    [[15_000], '0-15000'],
    [[15_001], '0-7500 7500-15001'],
    [[1_000_003], `${Array.from({ length: 101 }, (_, i) => `${Math.floor((1_000_003 * i) / 101)}-${Math.floor((1_000_003 * (i + 1)) / 101)}`).join(' ')}`],
    [[122_880], '0-9452 9452-18904 18904-28356 28356-37809 37809-47261 47261-56713 56713-66166 66166-75618 75618-85070 85070-94523 94523-103975 103975-113427 113427-122880'],
    [[5_000, 5_000, 5_000, 5_000], '0-10000 10000-20000'],
    [[8_192, 8_192, 8_192], '0-8192 8192-16384 16384-24576'],
    [[4_096, 4_096, 4_096, 4_096, 4_096], '0-12288 12288-20480'],
    [[5_000, 20_000, 5_000], '0-5000 5000-15000 15000-25000 25000-30000'],
    [[0, 3, 0, 4], '0-7'],
    [[9_999, 5_001, 1], '0-15000 15000-15001'],
  ])('with version 1 is for row groups %j what it always was', (groups, expected) => {
    expect(CURRENT_CUT).toEqual({ version: 1, targetRows: 10_000 })
    expect(texts(groups)).toBe(expected)
  })
})
