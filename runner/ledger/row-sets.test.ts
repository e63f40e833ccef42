import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BatchMembers, LedgerBatch } from '../../crds/generated/ledger.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { RowSets, type AttemptRows } from './row-sets.ts'
import { testPorts } from './testdata/test-ports.ts'

const FOLDER = 'memory://work/sets/l1/'

function batchOf(members: BatchMembers[], again?: BatchMembers[]): LedgerBatch {
  return { identity: 'b', epoch: 1, state: 'Harvested', members, requests: 1, bytes: 1, sha256: '', account: '', ...(again === undefined ? {} : { again }) }
}

const plain = (groups: readonly AttemptRows[]): unknown => groups.map(({ attempt, retries, rows }) => ({ attempt, retries, rows: rows.toString() }))
/** Every other row: its interval string is long. */
const SCATTERED = IntervalSet.of(Array.from({ length: 1_000 }, (_, i) => 2 * i))

describe('row sets of a ledger', () => {
  it('come back as they were written, short or long, also to a runner that did not write them', async () => {
    const rows = fc.array(fc.nat(3_000), { minLength: 1, maxLength: 400 }).map((values) => IntervalSet.of(values))
    const groups = fc.array(fc.record({ attempt: fc.integer({ min: 1, max: 9 }), retries: fc.nat(3), rows }), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(groups, groups, async (members, again) => {
        const ports = testPorts()
        const writer = new RowSets(ports, FOLDER)
        const batch = batchOf(await writer.encode(members), await writer.encode(again))
        for (const reader of [writer, new RowSets(ports, FOLDER)]) {
          const read = await reader.decode(batch)
          expect(plain(read.members)).toEqual(plain(members))
          expect(plain(read.again)).toEqual(plain(again))
        }
      }),
      { numRuns: 30 },
    )
  })

  it('stay in the ledger when short; a long one is an object of its own, so that a ledger with 200 batches stays small', async () => {
    const ports = testPorts()
    const sets = new RowSets(ports, FOLDER)
    const [short, long] = await sets.encode([{ attempt: 1, retries: 0, rows: IntervalSet.range(0, 50_000) }, { attempt: 2, retries: 1, rows: SCATTERED }])
    expect(short?.set).toEqual({ rows: '0-49999' })
    expect(long).toMatchObject({ attempt: 2, retries: 1, set: { object: { uri: expect.stringMatching(/^memory:\/\/work\/sets\/l1\/[0-9a-f]{24}\.rows$/) } } })
    expect(JSON.stringify(long).length).toBeLessThan(400)
  })

  it('are read once', async () => {
    const ports = testPorts()
    const batch = batchOf(await new RowSets(ports, FOLDER).encode([{ attempt: 1, retries: 0, rows: SCATTERED }]))
    const reader = new RowSets(ports, FOLDER)
    const first = await reader.decode(batch)
    const set = batch.members[0]?.set
    if (set !== undefined && 'object' in set) await ports.storage.remove(set.object.uri)
    expect(plain((await reader.decode(batch)).members)).toEqual(plain(first.members))
  })

  it('that are gone or damaged are LedgerLost, never an empty set', async () => {
    const ports = testPorts()
    const batch = batchOf(await new RowSets(ports, FOLDER).encode([{ attempt: 1, retries: 0, rows: SCATTERED }]))
    const set = batch.members[0]?.set
    if (set === undefined || !('object' in set)) throw new Error('the set is not an object')
    await ports.storage.put(set.object.uri, Buffer.from('0-3'), { unconditional: true })
    await expect(new RowSets(ports, FOLDER).decode(batch)).rejects.toMatchObject({ code: 'LedgerLost' })
    await ports.storage.remove(set.object.uri)
    await expect(new RowSets(ports, FOLDER).decode(batch)).rejects.toMatchObject({ code: 'LedgerLost' })
  })
})
