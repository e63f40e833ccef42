import { describe, expect, it } from 'vitest'
import type { Ledger, LedgerBatch } from '../../crds/generated/ledger.ts'
import { decodeWireSet } from '../../crds/wire-set.ts'
import { ModeWorld, parquetFile } from '../testdata/mode-world.ts'
import { asleepShard } from './scout.ts'

const SHARD = { shard: 3, ledger: 'l', chunks: [{ file: 0, from: 0, to: 8 }, { file: 0, from: 8, to: 16 }] }

function batch(state: LedgerBatch['state'], id: string, createdAt = 100): LedgerBatch {
  return {
    identity: id, epoch: 1, state, members: [{ attempt: 1, retries: 0, set: { rows: '0-3' } }], requests: 4, bytes: 9, sha256: '', account: '',
    ...(state === 'Intended' ? {} : { file: { id: `file-${id}`, createdAt } }),
    ...(state === 'Created' || state === 'Harvested' ? { batchId: id } : {}),
  }
}

function ledger(batches: LedgerBatch[], claimed = '0-1', committed = ''): Ledger {
  return { schemaVersion: 1, ledger: 'l', plan: { uri: 'u', digest: 'd' }, shard: 3, epoch: 1, seq: 1, nonce: 'n', chunks: { claimed, committed }, totals: { succeeded: 0, failed: 0, inputTokens: 0, outputTokens: 0 }, batches }
}

describe('a shard', () => {
  it.each([
    ['that nobody began', null],
    ['with chunks that are not claimed', ledger([batch('Created', 'b1')], '0')],
    ['without batches', ledger([])],
    ['with an intent whose fate is open', ledger([batch('Created', 'b1'), batch('Intended', 'b2')])],
    ['with a create whose fate is open', ledger([batch('Created', 'b1'), batch('Uploaded', 'b2')])],
    ['whose batches are all taken in', ledger([batch('Harvested', 'b1'), batch('Void', 'b2')])],
  ])('%s is worth a runner at once', (_, state) => {
    expect(asleepShard(SHARD, state)).toBeNull()
  })

  it.each([
    ['has batches at the provider', ledger([batch('Created', 'b1', 300), batch('Created', 'b2', 200)])],
    ['has some taken in besides', ledger([batch('Harvested', 'b0', 100), batch('Created', 'b1', 300), batch('Void', 'bv', 50), batch('Created', 'b2', 200)])],
    ['has committed some chunks', ledger([batch('Created', 'b1', 300), batch('Created', 'b2', 200)], '1', '0')],
  ])('that %s may sleep while those run', (_, state) => {
    expect(asleepShard(SHARD, state)).toEqual({ shard: 3, batches: ['b1', 'b2'], since: 200 })
  })
})

describe('scouting', () => {
  async function submitted(): Promise<{ readonly world: ModeWorld; readonly plan: Awaited<ReturnType<ModeWorld['plan']>> }> {
    const world = new ModeWorld({ inProgressSeconds: 3000 })
    await world.put('a.parquet', parquetFile('a'))
    const plan = await world.plan()
    for (const shard of [0, 1]) await world.run('advance', plan, shard)
    return { world, plan }
  }

  it('wakes nobody while all batches run, and looks again later', async () => {
    const { world, plan } = await submitted()
    const { outcome } = await world.run('scout', plan)
    expect(outcome).toMatchObject({ mode: 'scout', result: 'waiting', done: '', nextPollTime: expect.any(String) })
    expect(decodeWireSet(outcome.wake ?? 'x').isEmpty).toBe(true)
  })

  it('wakes the shards with batches that ended, by listing and never by asking for one batch', async () => {
    const { world, plan } = await submitted()
    const before = (await world.simulator.state()).calls
    world.simulator.now += 3_600_000
    const { outcome } = await world.run('scout', plan)
    expect(decodeWireSet(outcome.wake ?? '').toString()).toBe('0-1')
    const { calls } = await world.simulator.state()
    expect(calls).toEqual({ ...before, 'GET /v1/batches': (before['GET /v1/batches'] ?? 0) + 1 })
  })

  it('wakes a shard whose batch the listing does not show: it may lag', async () => {
    const { world, plan } = await submitted()
    world.wrap = (provider) => ({ ...provider, list: () => Promise.resolve([]) })
    expect(decodeWireSet((await world.run('scout', plan)).outcome.wake ?? '').toString()).toBe('0-1')
  })

  it('is done when every shard is, without a call to the provider', async () => {
    const world = new ModeWorld()
    await world.put('a.parquet', parquetFile('a'))
    const plan = await world.runJob()
    const before = (await world.simulator.state()).calls
    const { outcome } = await world.run('scout', plan)
    expect(outcome).toMatchObject({ result: 'done', doneChunks: 3, rows: { total: 24, succeeded: 24, failed: 0 } })
    expect(decodeWireSet(outcome.done ?? '').toString()).toBe('0-1')
    expect((await world.simulator.state()).calls).toEqual(before)
  })
})
