import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChunkCommit } from '../../crds/generated/chunk.ts'
import type { WriteFault } from '../storage/testdata/faulty-storage.ts'
import { claimChunk, commitChunk, readChunk } from './chunk-claim.ts'
import { testPorts } from './testdata/test-ports.ts'

const URI = 'memory://work/request/file/0-10000'

function commitOf(name: string): ChunkCommit {
  return { part: { uri: `memory://work/parts/${name}`, etag: name, size: 4, sha256: name }, totals: { succeeded: 3, failed: 1, inputTokens: 7, outputTokens: 9 } }
}

describe('a chunk', () => {
  it('is claimed once; its owner finds its own claim again, others find its owner', async () => {
    const ports = testPorts()
    expect(await claimChunk(ports, URI, 'a')).toEqual({ kind: 'Claimed' })
    expect(await claimChunk(ports, URI, 'a')).toEqual({ kind: 'Known' })
    expect(await claimChunk(ports, URI, 'b')).toEqual({ kind: 'Elsewhere', ledger: 'a' })
    expect((await readChunk(ports.storage, URI))?.chunk).toMatchObject({ ledger: 'a' })
  })

  it('has one owner when many claim it in the same moment', async () => {
    const ports = testPorts()
    const results = await Promise.all(['a', 'b', 'c', 'd'].map((ledger) => claimChunk(ports, URI, ledger)))
    expect(results.filter(({ kind }) => kind === 'Claimed').length).toBe(1)
    expect(results.filter(({ kind }) => kind === 'Elsewhere').length).toBe(3)
  })

  it('once committed is reused by whoever asks for it', async () => {
    const ports = testPorts()
    await claimChunk(ports, URI, 'a')
    const commit = commitOf('p1')
    expect(await commitChunk(ports, URI, 'a', commit)).toEqual(commit)
    for (const ledger of ['a', 'b']) expect(await claimChunk(ports, URI, ledger)).toEqual({ kind: 'Committed', commit })
  })

  it('keeps its first commit: a second one gets that', async () => {
    const ports = testPorts()
    await claimChunk(ports, URI, 'a')
    await commitChunk(ports, URI, 'a', commitOf('p1'))
    expect(await commitChunk(ports, URI, 'a', commitOf('p2'))).toEqual(commitOf('p1'))
    expect((await readChunk(ports.storage, URI))?.chunk.committed).toEqual(commitOf('p1'))
  })

  it('takes one of two commits made in the same moment, and both learn which', async () => {
    const ports = testPorts()
    await claimChunk(ports, URI, 'a')
    const [first, second] = await Promise.all([commitChunk(ports, URI, 'a', commitOf('p1')), commitChunk(ports, URI, 'a', commitOf('p2'))])
    expect(first).toEqual(second)
    expect((await readChunk(ports.storage, URI))?.chunk.committed).toEqual(first)
  })

  it('is not committed without the claim', async () => {
    const ports = testPorts()
    await expect(commitChunk(ports, URI, 'a', commitOf('p1'))).rejects.toMatchObject({ code: 'LedgerLost', message: `the claim ${URI} is gone` })
    await claimChunk(ports, URI, 'b')
    await expect(commitChunk(ports, URI, 'a', commitOf('p1'))).rejects.toMatchObject({ code: 'LedgerLost', message: `the claim ${URI} is another ledger's` })
    expect((await readChunk(ports.storage, URI))?.chunk.committed).toBeUndefined()
  })

  it('is claimed and committed once, whatever happens to the answers', async () => {
    const schedule = fc.array(fc.constantFrom<WriteFault | null>('AppliedUnclear', 'LostUnclear', 'Conflict', null), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(schedule, schedule, async (whileClaiming, whileCommitting) => {
        const ports = testPorts()
        ports.storage.faults.push(...whileClaiming)
        expect(await claimChunk(ports, URI, 'a')).toEqual({ kind: 'Claimed' })
        ports.storage.faults.length = 0
        ports.storage.faults.push(...whileCommitting)
        expect(await commitChunk(ports, URI, 'a', commitOf('p1'))).toEqual(commitOf('p1'))
        ports.storage.faults.length = 0
        expect((await readChunk(ports.storage, URI))?.chunk).toMatchObject({ ledger: 'a', committed: commitOf('p1') })
      }),
    )
  })
})
