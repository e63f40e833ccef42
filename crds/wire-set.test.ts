import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IntervalSet } from './interval-set.ts'
import { decodeWireSet, encodeWireSet, WIRE_SET_LIMIT } from './wire-set.ts'

const shards = fc.array(fc.nat(2_000), { maxLength: 600 }).map((values) => IntervalSet.of(values))
const kinds = fc.constantFrom('superset' as const, 'subset' as const, 'exact' as const)

describe('wire sets', () => {
  it('survive the way there and back', () => {
    fc.assert(
      fc.property(shards, kinds, (set, kind) => {
        expect(decodeWireSet(encodeWireSet(set, kind)).equals(set)).toBe(true)
      }),
    )
  })

  it('are coarsened over the limit: what is to do to more, what is done to less, never the other way', () => {
    fc.assert(
      fc.property(shards, fc.integer({ min: 64, max: 400 }), (set, limit) => {
        const more = encodeWireSet(set, 'superset', limit)
        const less = encodeWireSet(set, 'subset', limit)
        expect(more.length).toBeLessThanOrEqual(limit)
        expect(less.length).toBeLessThanOrEqual(limit)
        expect(decodeWireSet(more).containsAll(set)).toBe(true)
        expect(set.containsAll(decodeWireSet(less))).toBe(true)
        expect(decodeWireSet(encodeWireSet(set, 'exact', limit)).equals(set)).toBe(true)
      }),
    )
  })

  it('name every set of 10,000 shards exactly within the limit', () => {
    const worst = [0, 1].map((odd) => IntervalSet.of(Array.from({ length: 5_000 }, (_, i) => 2 * i + odd)))
    const random = IntervalSet.of(Array.from({ length: 10_000 }, (_, i) => i).filter((i) => ((i * 2_654_435_761) >>> 7) % 2 === 0))
    for (const set of [...worst, random, IntervalSet.range(0, 10_000), IntervalSet.EMPTY]) {
      for (const kind of ['superset', 'subset'] as const) {
        const text = encodeWireSet(set, kind)
        expect(text.length).toBeLessThanOrEqual(WIRE_SET_LIMIT)
        expect(decodeWireSet(text).equals(set)).toBe(true)
      }
    }
  })

  it('take the shorter form', () => {
    expect(encodeWireSet(IntervalSet.range(0, 10_000), 'exact')).toBe('0-9999')
    const everySecond = IntervalSet.of(Array.from({ length: 1_000 }, (_, i) => 2 * i))
    expect(encodeWireSet(everySecond, 'exact')).toMatch(/^b64:/)
    // 40 values spread over 10^12 would make a bitset of 10^11 bytes.
    const sparse = IntervalSet.of(Array.from({ length: 40 }, (_, i) => i * 25_000_000_000))
    expect(encodeWireSet(sparse, 'exact')).toBe(sparse.toString())
  })

  it('close the smallest gaps and drop the shortest runs', () => {
    const set = IntervalSet.of([...Array.from({ length: 60 }, (_, i) => 100_000 + 2 * i), ...Array.from({ length: 100 }, (_, i) => 900_000 + i)])
    expect(decodeWireSet(encodeWireSet(set, 'superset', 200)).size).toBeLessThan(300)
    expect(decodeWireSet(encodeWireSet(set, 'subset', 200)).containsAll(IntervalSet.range(900_000, 900_100))).toBe(true)
  })

  it('refuse other text, and a limit that one interval would not fit', () => {
    for (const text of ['b64:!', 'b64:AA=', 'x', '3-1']) expect(() => decodeWireSet(text), text).toThrow(SyntaxError)
    expect(() => encodeWireSet(IntervalSet.EMPTY, 'exact', 63)).toThrow(RangeError)
  })
})
