import { crc32, zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js'
import { describe, expect, it } from 'vitest'
import { mergeStatistics, statisticsOf } from './column-statistics.ts'
import { encodeDefinitionLevels } from './definition-levels.ts'
import { decodeHybrid } from './hybrid-decoder.ts'
import { PAGE_BYTES, PAGE_ROWS, PageEncoder, type Page } from './page-run.ts'
import { fieldOf, integerOf, readStruct } from './thrift-compact.ts'

/** Stretches of nulls and values, as real columns have them. */
const levels = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.boolean()), { maxLength: 60 }).map((runs) => runs.flatMap(([length, value]) => Array.from({ length }, () => value)))

function pagesOf(values: readonly (string | null)[]): readonly Page[] {
  const encoder = new PageEncoder('string')
  return [...values.map((value) => encoder.add(value)), encoder.flush()].filter((page) => page !== null)
}

describe('definition levels', () => {
  it('are read back by this decoder and by hyparquet', () => {
    fc.assert(fc.property(levels, (present) => {
      const bytes = encodeDefinitionLevels(present)
      const expected = present.map((value) => (value ? 1 : 0))
      expect([...decodeHybrid(bytes, 1, present.length)]).toEqual(expected)
      const own = new Uint8Array(bytes)
      const output = present.map(() => -1)
      readRleBitPackedHybrid({ view: new DataView(own.buffer), offset: 0 }, 1, output, own.length)
      expect(output.slice(0, present.length)).toEqual(expected)
    }))
  })

  it('take a few bytes when nothing, or everything, is null', () => {
    expect(encodeDefinitionLevels(Array.from({ length: 20_000 }, () => true))).toHaveLength(4)
    expect(encodeDefinitionLevels([])).toHaveLength(0)
  })
})

describe('hybrid decoder', () => {
  it('reads bit-packed numbers of any width', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 32 }), fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 1, maxLength: 50 }), (width, raw) => {
      const values = raw.map((value) => value % 2 ** width)
      const groups = Math.ceil(values.length / 8)
      const bits = values.map((value) => value.toString(2).padStart(width, '0').split('').toReversed().join('')).join('').padEnd(groups * 8 * width, '0')
      const packed = Array.from({ length: groups * width }, (_, i) => Number.parseInt(bits.slice(i * 8, i * 8 + 8).split('').toReversed().join(''), 2))
      expect([...decodeHybrid(Uint8Array.of((groups << 1) | 1, ...packed), width, values.length)]).toEqual(values)
    }))
  })

  it('refuses data that ends early instead of making values up', () => {
    expect(() => decodeHybrid(Uint8Array.of(4, 1), 1, 3)).toThrow('ends after 2 of 3')
    expect(() => decodeHybrid(Uint8Array.of(3), 1, 3)).toThrow(RangeError)
    expect(() => decodeHybrid(Uint8Array.of(0, 0), 1, 3)).toThrow('a run of no values')
    expect(() => decodeHybrid(Uint8Array.of(2, 0), 33, 1)).toThrow('bit width')
  })
})

describe('pages', () => {
  it('hold at most their rows and bytes; a longer value has a page of its own', () => {
    const long = 'x'.repeat(PAGE_BYTES + 1)
    expect(pagesOf(Array.from({ length: PAGE_ROWS + 1 }, () => null)).map((page) => page.rows)).toEqual([PAGE_ROWS, 1])
    expect(pagesOf(['a', long, 'b']).map((page) => page.rows)).toEqual([1, 1, 1])
    expect(pagesOf(Array.from({ length: 5 }, () => 'y'.repeat(PAGE_BYTES / 4))).map((page) => page.rows)).toEqual([3, 2])
  })

  it('carry sizes and a checksum that fit their bytes', () => {
    const [page] = pagesOf(['one', null, 'two'])
    expect(page).toBeDefined()
    const { fields, end } = readStruct(page?.bytes ?? new Uint8Array(0))
    const payload = page?.bytes.subarray(end) ?? new Uint8Array(0)
    const numberOf = (id: number): number => Number(integerOf(fieldOf(fields, id) ?? { id, wire: 5, raw: Uint8Array.of(0) }))
    expect(numberOf(3)).toBe(payload.length)
    expect(numberOf(2)).toBe(zstdDecompressSync(payload).length)
    expect(numberOf(4) >>> 0).toBe(crc32(payload))
    expect(page?.uncompressedSize).toBe(end + numberOf(2))
  })
})

describe('statistics', () => {
  const strings = fc.array(fc.option(fc.string({ unit: fc.constantFrom('a', 'é', '\u{10FFFF}', '\uD7FF', '\uE000', 'zz'), maxLength: 60 })), { minLength: 1, maxLength: 20 })

  it('bound every string, in order of unsigned bytes, with UTF-8 of 64 bytes at most', () => {
    fc.assert(fc.property(strings, (values) => {
      const bytes = values.filter((value) => value !== null).map((value) => Buffer.from(value))
      const { min, max, nulls } = statisticsOf('string', bytes, values.length - bytes.length)
      expect(nulls).toBe(values.length - bytes.length)
      expect(min === null).toBe(max === null)
      if (min === null || max === null) return
      for (const bound of [min, max]) {
        expect(bound.bytes.length).toBeLessThanOrEqual(64)
        expect(new TextDecoder('utf-8', { fatal: true }).decode(bound.bytes)).toBeDefined()
        if (bound.exact) expect(bytes.some((value) => value.equals(bound.bytes))).toBe(true)
      }
      for (const value of bytes) {
        expect(Buffer.compare(min.bytes, value)).toBeLessThanOrEqual(0)
        expect(Buffer.compare(max.bytes, value)).toBeGreaterThanOrEqual(0)
      }
    }))
  })

  it('of parts are those of the whole', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 1 }), fc.nat(), (values, cut) => {
      const bytes = values.map((value) => new Uint8Array(Int32Array.of(value).buffer))
      const at = cut % bytes.length
      const halves = [bytes.slice(0, at), bytes.slice(at)].map((part) => ({ rows: part.length, statistics: statisticsOf('int32', part, 0) }))
      expect(mergeStatistics('int32', halves)).toEqual(statisticsOf('int32', bytes, 0))
    }))
  })

  it('have no bounds when one part has values but none', () => {
    const noUpper = statisticsOf('string', [Buffer.from('\u{10FFFF}'.repeat(20))], 0)
    expect(noUpper).toEqual({ nulls: 0, min: null, max: null })
    const bounded = statisticsOf('string', [Buffer.from('a')], 1)
    expect(mergeStatistics('string', [{ rows: 1, statistics: noUpper }, { rows: 2, statistics: bounded }])).toEqual({ nulls: 1, min: null, max: null })
    expect(mergeStatistics('string', [{ rows: 3, statistics: statisticsOf('string', [], 3) }, { rows: 2, statistics: bounded }])).toEqual({ nulls: 4, min: bounded.min, max: bounded.max })
  })
})
