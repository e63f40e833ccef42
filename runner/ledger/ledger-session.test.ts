import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Ledger, LedgerBatch } from '../../crds/generated/ledger.ts'
import type { WriteFault } from '../storage/testdata/faulty-storage.ts'
import { Fenced } from './fenced.ts'
import { LEDGER_LIMIT, LedgerSession, readLedger } from './ledger-session.ts'
import { testPorts, type TestPorts } from './testdata/test-ports.ts'

const URI = 'memory://work/ledgers/1.json'
const IDENTITY = { ledger: '03d132fb8c9bf94684502b95', plan: { uri: 'memory://work/plans/1', digest: 'd1' }, shard: 4 }

const open = (ports: TestPorts): Promise<LedgerSession> => LedgerSession.open(ports, URI, IDENTITY)

async function stored(ports: TestPorts): Promise<Ledger> {
  const ledger = await readLedger(ports.storage, URI)
  if (ledger === null) throw new Error('there is no ledger')
  return ledger
}

describe('a ledger session', () => {
  it('makes the ledger', async () => {
    const ports = testPorts()
    expect(await readLedger(ports.storage, URI)).toBeNull()
    const session = await open(ports)
    expect(await stored(ports)).toEqual(session.ledger)
    expect(session.ledger).toMatchObject({ ...IDENTITY, epoch: 1, seq: 1, chunks: { claimed: '', committed: '' }, batches: [] })
  })

  it('keeps what was written when it is opened again, under a higher epoch and the new plan', async () => {
    const ports = testPorts()
    await (await open(ports)).write({ chunks: { claimed: '1', committed: '0' } })
    const plan = { uri: 'memory://work/plans/2', digest: 'd2' }
    const session = await LedgerSession.open(ports, URI, { ...IDENTITY, plan, shard: 0 })
    expect(session.ledger).toMatchObject({ plan, shard: 0, epoch: 2, seq: 3, chunks: { claimed: '1', committed: '0' } })
  })

  it('epoch never falls, seq grows with every version, and no two versions share a nonce', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), async (steps) => {
        const ports = testPorts()
        let session = await open(ports)
        const versions = [await stored(ports)]
        for (const [i, reopen] of steps.entries()) {
          if (reopen) session = await open(ports)
          else await session.write({ chunks: { claimed: String(i), committed: '' } })
          versions.push(await stored(ports))
        }
        for (const [i, { epoch, seq }] of versions.entries()) {
          const before = versions[i - 1]
          expect(seq).toBe((before?.seq ?? 0) + 1)
          expect(epoch).toBe(before === undefined ? 1 : before.epoch + (steps[i - 1] === true ? 1 : 0))
        }
        expect(new Set(versions.map(({ nonce }) => nonce)).size).toBe(versions.length)
      }),
    )
  })

  it('is fenced by the next one: it cannot write any more, and changes nothing', async () => {
    const ports = testPorts()
    const first = await open(ports)
    const second = await open(ports)
    await expect(first.write({ chunks: { claimed: '9', committed: '' } })).rejects.toThrow(Fenced)
    expect(await stored(ports)).toEqual(second.ledger)
    await second.write({ chunks: { claimed: '1', committed: '' } })
    await expect(first.write({})).rejects.toThrow(Fenced)
    expect((await stored(ports)).chunks.claimed).toBe('1')
  })

  it('lets one of several in that open it in the same moment', async () => {
    const ports = testPorts()
    const sessions = await Promise.allSettled([open(ports), open(ports), open(ports)])
    expect(sessions.filter(({ status }) => status === 'fulfilled').length).toBe(1)
    for (const session of sessions) if (session.status === 'rejected') expect(session.reason).toBeInstanceOf(Fenced)
  })

  it('stops with LedgerLost when the ledger is gone, and does not make it anew', async () => {
    const ports = testPorts()
    const session = await open(ports)
    await ports.storage.remove(URI)
    await expect(session.write({})).rejects.toMatchObject({ code: 'LedgerLost', message: `the ledger ${URI} is gone` })
    expect(await ports.storage.get(URI)).toBeNull()
  })

  it('refuses a ledger of a newer release, and one that is damaged', async () => {
    const ports = testPorts()
    await ports.storage.put(URI, Buffer.from('{"schemaVersion":2}'), { unconditional: true })
    await expect(open(ports)).rejects.toMatchObject({ code: 'VersionSkew' })
    await ports.storage.put(URI, Buffer.from('{"schemaV'), { unconditional: true })
    await expect(open(ports)).rejects.toMatchObject({ code: 'LedgerLost' })
    expect(Buffer.from((await ports.storage.get(URI))?.bytes ?? []).toString()).toBe('{"schemaV')
  })

  it('a write whose fate is unclear is resolved by its nonce: it counts once, whatever happened to it', async () => {
    const schedule = fc.array(fc.constantFrom<WriteFault | null>('AppliedUnclear', 'LostUnclear', 'Conflict', null), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(schedule, schedule, async (whileOpening, whileWriting) => {
        const ports = testPorts()
        ports.storage.faults.push(...whileOpening)
        const session = await open(ports)
        ports.storage.faults.length = 0
        ports.storage.faults.push(...whileWriting)
        await session.write({ chunks: { claimed: '0-3', committed: '' } })
        ports.storage.faults.length = 0
        expect(await stored(ports)).toEqual(session.ledger)
        expect(session.ledger).toMatchObject({ epoch: 1, seq: 2, chunks: { claimed: '0-3', committed: '' } })
        await session.write({ chunks: { claimed: '0-3', committed: '4' } })
        expect((await stored(ports)).seq).toBe(3)
      }),
    )
  })

  it('refuses to grow over its limit', async () => {
    const ports = testPorts()
    const session = await open(ports)
    const batch: LedgerBatch = { identity: 'x'.repeat(LEDGER_LIMIT), epoch: 1, state: 'Intended', members: [{ attempt: 1, retries: 0, set: { rows: '0' } }], requests: 1, bytes: 1, sha256: '', account: '' }
    await expect(session.write({ batches: [batch] })).rejects.toMatchObject({ code: 'InternalError' })
    expect((await stored(ports)).batches).toEqual([])
  })

  it('names keys that no other session or write uses', async () => {
    const ports = testPorts()
    const first = await open(ports)
    const names = [first.uniqueName(), first.uniqueName()]
    const second = await open(ports)
    names.push(second.uniqueName())
    expect(new Set(names).size).toBe(3)
    expect(names[0]).toMatch(/^e1-s1-[0-9a-f]{24}$/)
    expect(names[2]).toMatch(/^e2-s2-[0-9a-f]{24}$/)
  })
})
