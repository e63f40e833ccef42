import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packShards, SHARD_CHUNKS_MOST, SHARDS_MOST } from './pack.ts'

const chunk = (rows: number): { readonly from: number; readonly to: number } => ({ from: 0, to: rows })

describe('packing chunks into shards', () => {
  it('keeps every chunk, in order, in shards of at most shardRows rows unless one chunk is larger', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 })), fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 12 }), (sizes, shardRows, most) => {
        const chunks = sizes.map(chunk)
        const packed = packShards(chunks, shardRows, most)
        expect(packed.shards.flat()).toEqual(chunks)
        expect(packed.shards.length).toBeLessThanOrEqual(most)
        for (const shard of packed.shards) {
          expect(shard.length).toBeGreaterThan(0)
          const rows = shard.reduce((sum, { from, to }) => sum + to - from, 0)
          expect(rows <= packed.shardRows || shard.length === 1).toBe(true)
        }
        expect(Number.isInteger(Math.log2(packed.shardRows / shardRows)), 'shardRows was doubled').toBe(true)
      }),
    )
  })

  it('doubles shardRows until there are at most 10,000 shards, and no further', () => {
    const chunks = Array.from({ length: 50_003 }, () => chunk(10_000))
    const { shardRows, shards } = packShards(chunks, 10_000)
    expect(SHARDS_MOST).toBe(10_000)
    expect(shardRows).toBe(80_000)
    expect(shards.length).toBe(Math.ceil(50_003 / 8))
  })

  it('puts at most 500 chunks into a shard, however small they are', () => {
    const { shards } = packShards(Array.from({ length: 1_201 }, () => chunk(1)), 50_000)
    expect(SHARD_CHUNKS_MOST).toBe(500)
    expect(shards.map((shard) => shard.length)).toEqual([500, 500, 201])
  })

  it('makes no shard of nothing', () => {
    expect(packShards([], 50_000)).toEqual({ shardRows: 50_000, shards: [] })
  })
})
