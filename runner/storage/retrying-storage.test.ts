import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { testPorts, type SleepingClock } from '../ledger/testdata/test-ports.ts'
import { RETRY_TIME } from './backoff.ts'
import { collectBytes, collectItems } from './collect.ts'
import { MemoryStorage } from './memory-storage.ts'
import { retryingStorage } from './retrying-storage.ts'
import { StorageError, type Storage, type StorageErrorKind } from './storage.ts'
import { FaultyStorage } from './testdata/faulty-storage.ts'
import type { StorageCall, StorageFault } from './testdata/storage-fault-layer.ts'

const URI = 'memory://bucket/object'
const CONTENT = Buffer.from(Array.from({ length: 1_000 }, (_, i) => i % 251))

interface Under {
  readonly memory: MemoryStorage
  readonly faulty: FaultyStorage
  readonly clock: SleepingClock
  readonly storage: Storage
  readonly etag: string
}

async function made(): Promise<Under> {
  const memory = new MemoryStorage()
  const { clock, random } = testPorts()
  const faulty = new FaultyStorage(clock, memory)
  return { memory, faulty, clock, storage: retryingStorage(faulty, { clock, random }), etag: await memory.put(URI, CONTENT, { ifNoneMatch: '*' }) }
}

describe('a store that stays away', () => {
  it('is told of once a call has been tried for two seconds, and no sooner', async () => {
    const { faulty, clock, memory } = await made()
    const { random } = testPorts()
    const told: string[] = []
    const storage = retryingStorage(faulty, { clock, random, onWait: ({ message }) => told.push(message) })
    faulty.faultsOfCalls.set('head', ['Unavailable'])
    await storage.head(URI)
    expect(told).toEqual([])
    faulty.faultsOfCalls.set('head', Array.from({ length: 12 }, () => 'Unavailable' as const))
    expect(await storage.head(URI)).toEqual(await memory.head(URI))
    expect(told.length).toBeGreaterThan(0)
    expect(told.length).toBeLessThan(12)
  })
})

/** One call of each kind that is safe to repeat, with what it must return. */
const REPEATED: Readonly<Record<Exclude<StorageCall, 'put' | 'completeUpload'>, (under: Under) => Promise<void>>> = {
  head: async ({ storage, etag }) => expect(await storage.head(URI)).toEqual({ uri: URI, etag, size: CONTENT.length }),
  get: async ({ storage, etag }) => expect((await storage.get(URI))?.etag).toBe(etag),
  read: async ({ storage, etag }) => expect(Buffer.from(await collectBytes(storage.read(URI, 0, CONTENT.length, etag)))).toEqual(CONTENT),
  list: async ({ storage, etag }) => expect(await collectItems(storage.list('memory://bucket/'))).toEqual([{ uri: URI, etag, size: CONTENT.length }]),
  remove: async ({ storage, memory }) => {
    await storage.remove(URI)
    expect(await memory.head(URI)).toBeNull()
  },
  beginUpload: async ({ storage, memory }) => {
    const uploadId = await storage.beginUpload(URI)
    expect(memory.openUploads()).toContainEqual({ uri: URI, uploadId })
  },
  uploadPart: async ({ storage, memory }) => {
    const id = await memory.beginUpload(URI)
    const part = await storage.uploadPart(URI, id, 1, CONTENT)
    await memory.completeUpload(URI, id, [part], { unconditional: true })
  },
  copyPart: async ({ storage, memory, etag }) => {
    const id = await memory.beginUpload(`${URI}2`)
    const part = await storage.copyPart(`${URI}2`, id, 1, { uri: URI, ifMatch: etag, from: 1, to: 3 })
    await memory.completeUpload(`${URI}2`, id, [part], { ifNoneMatch: '*' })
    expect(Buffer.from((await memory.get(`${URI}2`))?.bytes ?? [])).toEqual(CONTENT.subarray(1, 3))
  },
  listUploads: async ({ storage, memory }) => {
    const id = await memory.beginUpload(URI)
    expect(await storage.listUploads(URI)).toEqual([id])
  },
  listFolderUploads: async ({ storage, memory }) => {
    const uploadId = await memory.beginUpload(URI)
    expect(await storage.listFolderUploads('memory://bucket/')).toEqual([{ uri: URI, uploadId }])
  },
  abortUpload: async ({ storage, memory }) => {
    await storage.abortUpload(URI, await memory.beginUpload(URI))
    expect(memory.openUploads()).toEqual([])
  },
}
const CALLS = Object.entries(REPEATED) as [keyof typeof REPEATED, (under: Under) => Promise<void>][]

describe('retryingStorage', () => {
  it.each(CALLS)('%s is tried again while the store is away or its answers get lost', async (call, check) => {
    for (const fault of ['Unavailable', 'SlowDown', 'LostUnclear'] as const) {
      const under = await made()
      under.faulty.faultsOfCalls.set(call, [fault, fault, fault])
      await check(under)
      expect(under.faulty.calls.filter((name) => name === call)).toHaveLength(4)
      expect(under.clock.sleeps).toHaveLength(3)
    }
  })

  it.each(CALLS)('%s is asked once when nothing fails', async (call, check) => {
    const under = await made()
    await check(under)
    expect(under.faulty.calls).toEqual([call])
    expect(under.clock.sleeps).toEqual([])
  })

  it.each(['remove', 'beginUpload', 'uploadPart', 'copyPart', 'abortUpload'] as const)('%s is repeated although it took effect: its answer was lost', async (call) => {
    const under = await made()
    under.faulty.faultsOfCalls.set(call, ['AppliedUnclear'])
    await REPEATED[call](under)
  })

  it('tries a write again only when the store says that it had no effect', async () => {
    const { faulty, storage, etag } = await made()
    faulty.faults.push('Unavailable', 'SlowDown')
    const now = await storage.put(URI, Buffer.from('new'), { ifMatch: etag })
    expect(faulty.writes).toHaveLength(3)
    faulty.faults.push('LostUnclear')
    await expect(storage.put(URI, Buffer.from('newer'), { ifMatch: now })).rejects.toMatchObject({ kind: 'Unclear' })
    expect(faulty.writes).toHaveLength(4)
  })

  it('completes an upload again only when the store says that it had no effect', async () => {
    const { faulty, memory, storage, etag } = await made()
    const id = await memory.beginUpload(URI)
    const parts = [await memory.uploadPart(URI, id, 1, CONTENT)]
    faulty.faults.push('LostUnclear')
    await expect(storage.completeUpload(URI, id, parts, { ifMatch: etag })).rejects.toMatchObject({ kind: 'Unclear' })
    expect(faulty.writes).toHaveLength(1)
    faulty.faults.push('Unavailable', 'SlowDown')
    await storage.completeUpload(URI, id, parts, { ifMatch: etag })
    expect(faulty.writes).toHaveLength(4)
  })

  it('passes refusals on at once', async () => {
    for (const kind of ['NotFound', 'PreconditionFailed', 'Denied', 'Misused'] satisfies StorageErrorKind[]) {
      const { clock, random } = testPorts()
      let asked = 0
      const refuse = (): never => {
        asked += 1
        throw new StorageError(kind, URI, 'No')
      }
      const refusing = new Proxy(new MemoryStorage(), { get: () => refuse })
      const storage = retryingStorage(refusing, { clock, random })
      await expect(storage.head(URI)).rejects.toMatchObject({ kind })
      await expect(storage.put(URI, CONTENT, { ifNoneMatch: '*' })).rejects.toMatchObject({ kind })
      await expect(collectBytes(storage.read(URI, 0, 1, 'etag'))).rejects.toMatchObject({ kind })
      expect([asked, clock.sleeps]).toEqual([3, []])
    }
  })
})

describe('the waits between tries', () => {
  it('grow from 100 ms to 10 s, each drawn from nothing to its bound, and end after a minute with the last error', async () => {
    const { faulty, storage, clock } = await made()
    faulty.faultsOfCalls.set('head', Array.from({ length: 1_000 }, (): StorageFault => 'Unavailable'))
    await expect(storage.head(URI)).rejects.toMatchObject({ kind: 'Unavailable', uri: URI })
    expect(clock.monotonic()).toBe(RETRY_TIME)
    for (const [i, slept] of clock.sleeps.entries()) expect(slept).toBeLessThan(Math.min(100 * 2 ** i, 10_000))
    expect(Math.max(...clock.sleeps)).toBeGreaterThan(5_000)
    expect(new Set(clock.sleeps).size).toBe(clock.sleeps.length)
    // Tried also in the end, when the time is up.
    expect(faulty.calls).toHaveLength(clock.sleeps.length + 1)
  })

  it('outlast a store that is away for 59 s', async () => {
    const { memory, clock, etag } = await made()
    const away = new Proxy(memory, {
      get: (target, name: StorageCall) => (...args: never[]) => {
        if (clock.monotonic() < 59_000) throw new StorageError('Unavailable', URI, 'Connection refused')
        return (target[name] as (...given: never[]) => unknown)(...args)
      },
    })
    for (let seed = 0; seed < 20; seed++) expect(await retryingStorage(away, { clock, random: testPorts(`${seed}`).random }).head(URI)).toMatchObject({ etag })
  })
})

describe('a stream that breaks', () => {
  it('goes on at its next byte, whatever is broken where', async () => {
    const ranges = fc.tuple(fc.nat(CONTENT.length), fc.nat(CONTENT.length)).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }))
    await fc.assert(
      fc.asyncProperty(ranges, fc.array(fc.constantFrom<StorageFault>('Broken', 'Unavailable', 'LostUnclear'), { maxLength: 8 }), async ({ from, to }, faults) => {
        const { faulty, storage, etag } = await made()
        faulty.faultsOfCalls.set('read', [...faults])
        expect(Buffer.from(await collectBytes(storage.read(URI, from, to, etag)))).toEqual(CONTENT.subarray(from, to))
        expect(faulty.ranges).toHaveLength(faults.length + 1)
        expect(faulty.ranges.every((range) => range.to === to)).toBe(true)
      }),
    )
  })

  it('is refused when the object was replaced in between, also by as many bytes', async () => {
    const { faulty, memory, storage, etag } = await made()
    faulty.faultsOfCalls.set('read', ['Broken'])
    let read = 0
    const reading = async () => {
      for await (const piece of storage.read(URI, 0, CONTENT.length, etag)) {
        read += piece.length
        await memory.put(URI, Buffer.from(CONTENT).reverse(), { ifMatch: etag })
      }
    }
    await expect(reading()).rejects.toMatchObject({ kind: 'PreconditionFailed' })
    expect(read).toBeGreaterThan(0)
    expect(read).toBeLessThan(CONTENT.length)
  })

  it('has a minute anew for each break, and a minute only for one that does not end', async () => {
    const { clock, random } = testPorts()
    let opened = 0
    async function* breaking(from: number): AsyncGenerator<Uint8Array> {
      opened += 1
      await clock.sleep(50_000)
      if (from < 5) yield Buffer.from([from])
      throw new StorageError('Unclear', URI, 'The connection was reset')
    }
    const storage = retryingStorage(Object.assign(new MemoryStorage(), { read: (_: string, from: number) => breaking(from) }), { clock, random })
    await expect(collectBytes(storage.read(URI, 0, 6, 'etag'))).rejects.toMatchObject({ kind: 'Unclear' })
    expect(clock.monotonic()).toBeGreaterThan(5 * 50_000 + RETRY_TIME)
    expect(opened).toBeLessThan(10)
  })

  it('is not read on when its reader has enough', async () => {
    const { faulty, storage, etag } = await made()
    for await (const piece of storage.read(URI, 0, CONTENT.length, etag)) {
      expect(piece.length).toBeGreaterThan(0)
      break
    }
    expect(faulty.ranges).toHaveLength(1)
  })

  it('passes on what its reader throws', async () => {
    const { faulty, storage, etag } = await made()
    const reading = async () => {
      for await (const piece of storage.read(URI, 0, CONTENT.length, etag)) throw new StorageError('Unavailable', URI, `The reader failed at ${piece.length}`)
    }
    await expect(reading()).rejects.toThrow('The reader failed at 1000')
    expect(faulty.ranges).toHaveLength(1)
  })

  it('lists each object once and none too few, in the order of their bytes', async () => {
    const names = ['a', 'b', 'b0', 'ba', 'ä', '\ufffd', '🙂', 'z', '~'].map((name) => `memory://bucket/in/${name}`)
    const { faulty, memory, storage } = await made()
    for (const uri of names) await memory.put(uri, CONTENT, { ifNoneMatch: '*' })
    const whole = await collectItems(memory.list('memory://bucket/in/'))
    expect(whole).toHaveLength(names.length)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom<StorageFault>('Broken', 'SlowDown', 'LostUnclear'), { maxLength: 12 }), async (faults) => {
        faulty.faultsOfCalls.set('list', [...faults])
        expect(await collectItems(storage.list('memory://bucket/in/'))).toEqual(whole)
        expect(faulty.faultsOfCalls.get('list')).toEqual([])
      }),
    )
  })
})
