import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import type { PlanShard } from '../../crds/generated/plan-shard.ts'
import { encodePlan, ledgerIdOfChunks, planDigest, PlanReader } from '../plan/plan-object.ts'
import { MemoryStorage } from './memory-storage.ts'
import { decodeJson } from './stored-json.ts'

const folder = join(import.meta.dirname, '../../crds/golden')
const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as unknown

describe('stored objects of this schemaVersion', () => {
  it.each(readdirSync(folder).filter((name) => /^(chunk|ledger|lease|plan-header)\./.test(name)))('%s is read; a newer version is refused', (name) => {
    const golden = read(name) as { readonly schemaVersion: 1 }
    expect(decodeJson('file:///object', Buffer.from(JSON.stringify(golden)))).toEqual(golden)
    const newer = Buffer.from(JSON.stringify({ ...golden, schemaVersion: 2 }))
    expect(() => decodeJson('file:///object', newer)).toThrow(expect.objectContaining({ code: 'VersionSkew' }))
  })
})

describe('a stored plan', () => {
  const header = read('plan-header.priced.json') as PlanHeader
  const shards = ['one-file', 'two-files'].map((name) => read(`plan-shard.${name}.json`) as PlanShard)

  it('keeps its digest and its ledgers\' names, which running jobs were approved and stored under', () => {
    const { digest, totals, ...covered } = header
    expect(planDigest(covered, shards)).toBe(digest)
    expect(totals.shards).toBe(shards.length)
    for (const shard of shards) expect(ledgerIdOfChunks(header, shard.chunks)).toBe(shard.ledger)
  })

  it('is read by its header and shard by shard', async () => {
    const storage = new MemoryStorage()
    await storage.put('memory://plan', encodePlan(header, shards), { ifNoneMatch: '*' })
    const plan = await PlanReader.open(storage, { uri: 'memory://plan', digest: header.digest })
    expect(await plan.header()).toEqual(header)
    for (const [i, shard] of shards.entries()) expect(await plan.shard(i)).toEqual(shard)
  })
})
