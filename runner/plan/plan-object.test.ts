import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import type { PlanShard } from '../../crds/generated/plan-shard.ts'
import { FaultyStorage } from '../storage/testdata/faulty-storage.ts'
import { encodePlan, keyOfChunk, ledgerIdOfChunks, planDigest, PlanReader } from './plan-object.ts'

const URI = 'memory://work/plans/p'
const INPUT = { uri: 'memory://in/é.parquet', name: 'é.parquet', fileId: 'f1', etag: 'e1', size: 100, rows: 60 }
const BODY = { schemaVersion: 1 as const, cutVersion: 1, shardRows: 20, requestDigest: 'r1', price: null, inputs: [INPUT] }

function shardsOf(count: number): PlanShard[] {
  return Array.from({ length: count }, (_, shard) => {
    const chunks = [{ file: 0, from: shard * 20, to: shard * 20 + 20 }]
    return { shard, ledger: ledgerIdOfChunks(BODY, chunks), chunks }
  })
}

function planOf(count: number): { readonly header: PlanHeader; readonly shards: PlanShard[]; readonly ref: { uri: string; digest: string } } {
  const shards = shardsOf(count)
  const digest = planDigest(BODY, shards)
  return { header: { ...BODY, digest, totals: { files: 1, chunks: count, shards: count, rows: count * 20 } }, shards, ref: { uri: URI, digest } }
}

async function stored(bytes: Uint8Array): Promise<FaultyStorage> {
  const storage = new FaultyStorage()
  await storage.put(URI, bytes, { unconditional: true })
  return storage
}

describe('a plan object', () => {
  it('comes back as it was written, with no shards or many', async () => {
    for (const count of [0, 1, 3, 40]) {
      const { header, shards, ref } = planOf(count)
      const reader = await PlanReader.open(await stored(encodePlan(header, shards)), ref)
      expect(reader.shards).toBe(count)
      expect(await reader.header()).toEqual(header)
      const all: PlanShard[] = []
      for await (const shard of reader.allShards()) all.push(shard)
      expect(all).toEqual(shards)
    }
  })

  it('gives one shard without reading the others', async () => {
    const { header, shards, ref } = planOf(1_000)
    const bytes = encodePlan(header, shards)
    const storage = await stored(bytes)
    expect(await (await PlanReader.open(storage, ref)).shard(700)).toEqual(shards[700])
    const read = storage.ranges.reduce((sum, { from, to }) => sum + to - from, 0)
    expect(read).toBeLessThan(1_000 * 8 + 500)
    expect(bytes.length).toBeGreaterThan(80_000)
  })

  it('gives all shards in few reads, none of them large', async () => {
    const { header, shards, ref } = planOf(20_000)
    const bytes = encodePlan(header, shards)
    const storage = await stored(bytes)
    const reader = await PlanReader.open(storage, ref)
    storage.ranges.splice(0)
    let next = 0
    for await (const { shard } of reader.allShards()) expect(shard).toBe(next++)
    expect(next).toBe(20_000)
    expect(bytes.length).toBeGreaterThan(2 * 1024 * 1024)
    expect(storage.ranges.length).toBeLessThanOrEqual(4)
    expect(Math.max(...storage.ranges.map(({ from, to }) => to - from))).toBeLessThanOrEqual(1024 * 1024)
  })

  it('has no shard beyond its last', async () => {
    const { header, shards, ref } = planOf(2)
    const reader = await PlanReader.open(await stored(encodePlan(header, shards)), ref)
    await expect(reader.shard(2)).rejects.toMatchObject({ code: 'InternalError', message: 'the plan has 2 shards, no shard 2' })
    await expect(reader.shard(-1)).rejects.toMatchObject({ code: 'InternalError' })
  })

  it('that is gone, or replaced while it is read, is not taken for another', async () => {
    const { header, shards, ref } = planOf(2)
    const storage = await stored(encodePlan(header, shards))
    const reader = await PlanReader.open(storage, ref)
    await storage.put(URI, encodePlan(planOf(3).header, planOf(3).shards), { unconditional: true })
    await expect(reader.shard(0)).rejects.toMatchObject({ kind: 'PreconditionFailed' })
    await storage.remove(URI)
    await expect(PlanReader.open(storage, ref)).rejects.toMatchObject({ code: 'LedgerLost', message: `the plan ${URI} is gone` })
  })

  it('with another digest than the job\'s is refused', async () => {
    const { header, shards } = planOf(2)
    const reader = await PlanReader.open(await stored(encodePlan(header, shards)), { uri: URI, digest: 'other' })
    await expect(reader.header()).rejects.toMatchObject({ code: 'LedgerLost' })
  })

  it('of a newer release is refused as such', async () => {
    const { header, shards, ref } = planOf(1)
    const bytes = Buffer.from(encodePlan(header, shards))
    bytes[bytes.indexOf('"schemaVersion":1') + '"schemaVersion":'.length] = '2'.charCodeAt(0)
    await expect((await PlanReader.open(await stored(bytes), ref)).header()).rejects.toMatchObject({ code: 'VersionSkew' })
  })

  it('that was cut off or whose index is damaged is LedgerLost, never half a plan', async () => {
    const { header, shards, ref } = planOf(3)
    const bytes = Buffer.from(encodePlan(header, shards))
    const tail = 4 * 8 + 16
    const damage = fc.oneof(
      fc.nat(bytes.length - 1).map((length) => bytes.subarray(0, length)),
      fc.tuple(fc.integer({ min: bytes.length - tail, max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ flip
        return changed
      }),
    )
    await fc.assert(
      fc.asyncProperty(damage, async (changed) => {
        const readAll = async (): Promise<void> => {
          const reader = await PlanReader.open(await stored(changed), ref)
          await reader.header()
          for (let shard = 0; shard < 3; shard++) await reader.shard(shard)
        }
        await expect(readAll()).rejects.toMatchObject({ code: 'LedgerLost' })
      }),
    )
  })
})

describe('the plan digest', () => {
  it('is another when inputs, cut, packing, request or price are', () => {
    const { shards } = planOf(3)
    const [first] = shards
    if (first === undefined) throw new Error('no shard')
    const digests = [
      planDigest(BODY, shards),
      planDigest({ ...BODY, cutVersion: 2 }, shards),
      planDigest({ ...BODY, shardRows: 40 }, shards),
      planDigest({ ...BODY, requestDigest: 'r2' }, shards),
      planDigest({ ...BODY, price: { input: '1', output: '2', batchDiscount: '0' } }, shards),
      planDigest({ ...BODY, inputs: [{ ...INPUT, fileId: 'f2' }] }, shards),
      planDigest({ ...BODY, inputs: [{ ...INPUT, name: 'other.parquet' }] }, shards),
      planDigest(BODY, shards.slice(1)),
      planDigest(BODY, [{ ...first, chunks: [{ file: 0, from: 0, to: 21 }] }, ...shards.slice(1)]),
    ]
    expect(new Set(digests).size).toBe(digests.length)
    expect(planDigest({ ...BODY }, shardsOf(3))).toBe(digests[0])
  })

  it('knows chunks by request, file and rows; a ledger by its chunks', () => {
    expect(keyOfChunk(BODY, { file: 0, from: 20, to: 40 })).toBe('r1/f1/20-40')
    expect(() => keyOfChunk(BODY, { file: 1, from: 0, to: 1 })).toThrowError(expect.objectContaining({ code: 'InternalError' }))
    const [first, second] = shardsOf(2)
    expect(first?.ledger).toMatch(/^[0-9a-f]{24}$/)
    expect(second?.ledger).not.toBe(first?.ledger)
  })
})
