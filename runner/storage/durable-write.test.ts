import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../crds/digest.ts'
import { testPorts } from '../ledger/testdata/test-ports.ts'
import { readRecorded, writeResolved, writeStreamed } from './durable-write.ts'
import { PART_MINIMUM } from './storage.ts'
import { FaultyStorage, type WriteFault } from './testdata/faulty-storage.ts'

const URI = 'memory://bucket/object'
const bytes = (text: string): Uint8Array => Buffer.from(text)

async function textAt(storage: ReturnType<typeof testPorts>['storage'], uri = URI): Promise<string | null> {
  const found = await storage.get(uri)
  return found === null ? null : Buffer.from(found.bytes).toString()
}

describe('writeResolved', () => {
  it('reports a write whose answer was lost as written, and does not write it twice', async () => {
    const { storage, clock } = testPorts()
    storage.faults.push('AppliedUnclear')
    const written = await writeResolved(storage, clock, URI, bytes('mine'), { ifNoneMatch: '*' })
    expect(written).toEqual({ kind: 'Written', etag: (await storage.head(URI))?.etag })
    expect(storage.writes.length).toBe(1)
  })

  it('tries again when the write did not arrive, with a pause before each try', async () => {
    const { storage, clock } = testPorts()
    storage.faults.push('LostUnclear', 'Conflict')
    expect((await writeResolved(storage, clock, URI, bytes('mine'), { ifNoneMatch: '*' })).kind).toBe('Written')
    expect(await textAt(storage)).toBe('mine')
    expect(clock.sleeps.length).toBe(2)
  })

  it('tells the loser what is there', async () => {
    const { storage, clock } = testPorts()
    const etag = await storage.put(URI, bytes('theirs'), { unconditional: true })
    const written = await writeResolved(storage, clock, URI, bytes('mine'), { ifNoneMatch: '*' })
    expect(written).toEqual({ kind: 'Lost', current: { etag, bytes: new Uint8Array(bytes('theirs')) } })
    expect(await textAt(storage)).toBe('theirs')
  })

  it('never replaces what came between an unclear answer and the second look', async () => {
    const { storage, clock } = testPorts()
    const etag = await storage.put(URI, bytes('old'), { unconditional: true })
    storage.faults.push('LostUnclear')
    const writing = writeResolved(storage, clock, URI, bytes('mine'), { ifMatch: etag })
    await storage.put(URI, bytes('theirs'), { unconditional: true })
    expect((await writing).kind).toBe('Lost')
    expect(await textAt(storage)).toBe('theirs')
  })

  it('says that the object is gone when it is', async () => {
    const { storage, clock } = testPorts()
    const etag = await storage.put(URI, bytes('old'), { unconditional: true })
    await storage.remove(URI)
    expect(await writeResolved(storage, clock, URI, bytes('mine'), { ifMatch: etag })).toEqual({ kind: 'Lost', current: null })
    expect(await textAt(storage)).toBeNull()
  })

  it('gives up after a minute, and passes on a refusal at once', async () => {
    const { storage, clock } = testPorts()
    storage.faults.push(...Array.from({ length: 20 }, (): WriteFault => 'LostUnclear'))
    await expect(writeResolved(storage, clock, URI, bytes('mine'), { ifNoneMatch: '*' })).rejects.toMatchObject({ kind: 'Unclear' })
    expect(storage.writes.length).toBe(13)
    expect(clock.monotonic()).toBe(60_000)
    storage.faults.length = 0
    storage.faults.push('Unavailable')
    await expect(writeResolved(storage, clock, URI, bytes('mine'), { ifNoneMatch: '*' })).rejects.toMatchObject({ kind: 'Unavailable' })
    expect(storage.writes.length).toBe(14)
  })

  it('whatever faults do, what it says is what is there', async () => {
    const faults = fc.array(fc.constantFrom<WriteFault | null>('AppliedUnclear', 'LostUnclear', 'Conflict', 'SentTwice', 'LateUnclear', null), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(faults, fc.constantFrom('absent', 'expected', 'foreign'), fc.boolean(), async (schedule, before, create) => {
        const { clock } = testPorts()
        const storage = new FaultyStorage(clock)
        const etag = before === 'absent' ? 'none' : await storage.put(URI, bytes(before), { unconditional: true })
        storage.faults.push(...schedule)
        const written = await writeResolved(storage, clock, URI, bytes('mine'), create ? { ifNoneMatch: '*' } : { ifMatch: before === 'foreign' ? 'another' : etag })
        const mayWrite = create ? before === 'absent' : before === 'expected'
        expect(written.kind).toBe(mayWrite ? 'Written' : 'Lost')
        await storage.settled()
        expect(await textAt(storage)).toBe(mayWrite ? 'mine' : before === 'absent' ? null : before)
      }),
    )
  })
})

describe('writeStreamed', () => {
  async function* pieces(...sizes: number[]): AsyncGenerator<Uint8Array> {
    for (const [i, size] of sizes.entries()) yield await Promise.resolve(Buffer.alloc(size, 97 + i))
  }

  it('records size and sha256 of what it wrote, in one write when it is small', async () => {
    const { storage, clock } = testPorts()
    const ref = await writeStreamed(storage, clock, URI, pieces(3, 0, 2))
    expect(ref).toEqual({ uri: URI, etag: (await storage.head(URI))?.etag, size: 5, sha256: sha256('aaacc') })
    expect(Buffer.from(await readRecorded(storage, ref)).toString()).toBe('aaacc')
  })

  it('writes an empty object', async () => {
    const { storage, clock } = testPorts()
    expect(await writeStreamed(storage, clock, URI, pieces())).toMatchObject({ size: 0, sha256: sha256('') })
  })

  for (const fault of [null, 'AppliedUnclear'] as const) {
    it(`uploads a large one in parts and leaves no upload open${fault === null ? '' : ', also when the answer to the last call is lost'}`, async () => {
      const { storage, clock } = testPorts()
      storage.faults.push(fault)
      const sizes = [PART_MINIMUM, PART_MINIMUM, PART_MINIMUM, 11]
      const ref = await writeStreamed(storage, clock, URI, pieces(...sizes))
      const info = await storage.head(URI)
      expect(ref).toMatchObject({ etag: info?.etag, size: 3 * PART_MINIMUM + 11 })
      expect(sha256((await storage.get(URI))?.bytes ?? '')).toBe(ref.sha256)
      expect(storage.openUploads()).toEqual([])
    })
  }

  it('asks for the last call of a large one again until it arrived, and gives up after a minute', async () => {
    const { storage, clock } = testPorts()
    storage.faults.push('LostUnclear', 'Conflict', 'SentTwice')
    const ref = await writeStreamed(storage, clock, URI, pieces(PART_MINIMUM * 2))
    expect(ref).toMatchObject({ etag: (await storage.head(URI))?.etag, size: PART_MINIMUM * 2 })
    expect(storage.writes.length).toBe(3)
    storage.faults.push(...Array.from({ length: 20 }, (): WriteFault => 'LostUnclear'))
    await expect(writeStreamed(storage, clock, `${URI}2`, pieces(PART_MINIMUM * 2))).rejects.toMatchObject({ kind: 'Unclear' })
    expect(await storage.head(`${URI}2`)).toBeNull()
  })

  it('drops the upload when its source fails', async () => {
    const { storage, clock } = testPorts()
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.alloc(PART_MINIMUM * 2))
      throw new Error('the source broke')
    }
    await expect(writeStreamed(storage, clock, URI, broken())).rejects.toThrow('the source broke')
    expect(storage.openUploads()).toEqual([])
  })

  it('drops the upload when storage refuses a part, and says why even if that fails too', async () => {
    const { storage, clock } = testPorts()
    storage.faultsOfCalls.set('uploadPart', [null, 'Unavailable'])
    await expect(writeStreamed(storage, clock, URI, pieces(PART_MINIMUM * 2, 1))).rejects.toMatchObject({ message: expect.stringContaining('500') })
    expect(storage.openUploads()).toEqual([])
    storage.faultsOfCalls.set('uploadPart', ['Unavailable'])
    storage.faultsOfCalls.set('abortUpload', ['SlowDown'])
    await expect(writeStreamed(storage, clock, URI, pieces(PART_MINIMUM * 2))).rejects.toMatchObject({ message: expect.stringContaining('500') })
  })

  it('refuses a key that somebody else wrote', async () => {
    const { storage, clock } = testPorts()
    await storage.put(URI, bytes('theirs'), { unconditional: true })
    await expect(writeStreamed(storage, clock, URI, pieces(4))).rejects.toMatchObject({ code: 'InternalError' })
    await expect(writeStreamed(storage, clock, URI, pieces(PART_MINIMUM * 2))).rejects.toMatchObject({ kind: 'PreconditionFailed' })
    expect(await textAt(storage)).toBe('theirs')
  })
})

describe('readRecorded', () => {
  it('refuses an object that is gone or was changed', async () => {
    const { storage, clock } = testPorts()
    const ref = await writeStreamed(storage, clock, URI, (async function* () {
      yield await Promise.resolve(bytes('answer'))
    })())
    await storage.put(URI, bytes('forged'), { unconditional: true })
    await expect(readRecorded(storage, ref)).rejects.toMatchObject({ code: 'LedgerLost', message: `${URI} differs from what was recorded` })
    await storage.remove(URI)
    await expect(readRecorded(storage, ref)).rejects.toMatchObject({ code: 'LedgerLost', message: `${URI} is gone` })
  })
})
