import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IntervalSet } from './interval-set.ts'

const values = fc.array(fc.nat(60), { maxLength: 40 })
const sorted = (set: Iterable<number>) => [...new Set(set)].sort((a, b) => a - b)

describe('IntervalSet', () => {
  it('is a set of integers: union, intersection, difference, membership', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const [x, y] = [IntervalSet.of(a), IntervalSet.of(b)]
        const [mx, my] = [new Set(a), new Set(b)]
        expect([...x]).toEqual(sorted(a))
        expect(x.size).toBe(mx.size)
        expect(x.isEmpty).toBe(mx.size === 0)
        expect([...x.union(y)]).toEqual(sorted([...a, ...b]))
        expect([...x.intersect(y)]).toEqual(sorted(a.filter((value) => my.has(value))))
        expect([...x.subtract(y)]).toEqual(sorted(a.filter((value) => !my.has(value))))
        expect(x.containsAll(y)).toBe(b.every((value) => mx.has(value)))
        expect(x.equals(y)).toBe(sorted(a).join() === sorted(b).join())
        for (let value = 0; value <= 61; value++) expect(x.has(value)).toBe(mx.has(value))
      }),
    )
  })

  it('keeps intervals sorted, disjoint and not adjacent, so equal sets have equal text', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const set = IntervalSet.of(a).union(IntervalSet.of(b))
        const intervals = set.intervals()
        for (const [i, { from, to }] of intervals.entries()) {
          expect(to).toBeGreaterThan(from)
          expect(intervals[i + 1]?.from ?? Infinity).toBeGreaterThan(to)
        }
        expect(set.toString()).toBe(IntervalSet.of([...b, ...a]).toString())
        expect(IntervalSet.parse(set.toString()).equals(set)).toBe(true)
      }),
    )
  })

  it('reads and writes the text of completedIndexes', () => {
    expect(IntervalSet.of([0, 1, 2, 3, 4, 7]).toString()).toBe('0-4,7')
    expect(IntervalSet.EMPTY.toString()).toBe('')
    expect(IntervalSet.range(5, 6).toString()).toBe('5')
    expect(IntervalSet.range(5, 5).isEmpty).toBe(true)
    expect([...IntervalSet.parse('0-1,2,9')]).toEqual([0, 1, 2, 9])
    expect(IntervalSet.parse('0-1,2').equals(IntervalSet.range(0, 3))).toBe(true)
  })

  it.each(['a', '1-', '-1', '1,', ',', '3-1', '2,1', '1,1', '0-5,3', '1 ', '1.5', '9999999999999999'])('refuses %j', (text) => {
    expect(() => IntervalSet.parse(text)).toThrow(SyntaxError)
  })

  it('holds a billion values in one interval', () => {
    const set = IntervalSet.range(0, 1_000_000_000)
    expect(set.size).toBe(1_000_000_000)
    expect(set.has(999_999_999)).toBe(true)
    expect(set.subtract(IntervalSet.of([5])).toString()).toBe('0-4,6-999999999')
  })
})
