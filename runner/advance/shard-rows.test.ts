import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { ShardRows } from './shard-rows.ts'

const inputOf = (name: string): PlanHeader['inputs'][number] => ({ uri: `memory://in/${name}`, name, fileId: name, etag: name, size: 9, rows: 1_000 })
const HEADER: PlanHeader = {
  schemaVersion: 1, digest: 'd', cutVersion: 1, shardRows: 50, requestDigest: 'r', price: null,
  inputs: [inputOf('a'), inputOf('b')],
  totals: { files: 2, chunks: 3, shards: 1, rows: 60 },
}
const CHUNKS = [{ file: 0, from: 100, to: 120 }, { file: 0, from: 120, to: 150 }, { file: 1, from: 0, to: 10 }]
const rows = new ShardRows(HEADER, { shard: 0, ledger: 'l', chunks: CHUNKS })

describe('rows of a shard', () => {
  it('count from 0 over its chunks', () => {
    expect(rows.size).toBe(60)
    expect(rows.chunks.map(({ start, key, file }) => [start, key, file.uri])).toEqual([
      [0, 'r/a/100-120', 'memory://in/a'],
      [20, 'r/a/120-150', 'memory://in/a'],
      [50, 'r/b/0-10', 'memory://in/b'],
    ])
    expect(rows.rowsOfChunks(IntervalSet.parse('0,2')).toString()).toBe('0-19,50-59')
  })

  it('are cut at chunk borders, in order, none lost', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(59)), (values) => {
        const set = IntervalSet.of(values)
        const seen: number[] = []
        for (const { chunk, from, to } of rows.pieces(set)) {
          expect(from).toBeGreaterThanOrEqual(chunk.start)
          expect(to).toBeLessThanOrEqual(chunk.start + chunk.to - chunk.from)
          for (let row = from; row < to; row++) seen.push(row)
        }
        expect(seen).toEqual([...set])
      }),
    )
  })

  it('are named by custom_ids that lead back to them, whatever the packing', () => {
    const repacked = new ShardRows(HEADER, { shard: 7, ledger: 'm', chunks: CHUNKS.slice(1) })
    for (const chunk of rows.chunks) {
      for (let row = chunk.start; row < chunk.start + chunk.to - chunk.from; row++) {
        const id = rows.customId(chunk, row, 3)
        expect(rows.readCustomId(id)).toEqual({ row, attempt: 3 })
        expect(repacked.readCustomId(id)).toEqual(row < 20 ? null : { row: row - 20, attempt: 3 })
      }
    }
  })

  it('are not those of other chunks, nor outside their own', () => {
    const id = rows.customId(rows.chunks[0] ?? expect.fail('no chunk'), 0, 1)
    expect(id).toMatch(/-100-1$/)
    for (const other of [id.replace('-100-', '-99-'), id.replace('-100-', '-120-'), `abcdefghijklmnop-100-1`, 'request-1']) expect(rows.readCustomId(other)).toBeNull()
  })

  it('of a file that the plan does not have are a bug', () => {
    expect(() => new ShardRows(HEADER, { shard: 0, ledger: 'l', chunks: [{ file: 2, from: 0, to: 1 }] })).toThrowError(expect.objectContaining({ code: 'InternalError' }))
  })
})
