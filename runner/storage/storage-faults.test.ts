import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../test/sim/seeded-random.ts'
import { VirtualTime } from '../../test/sim/virtual-time.ts'
import type { Clock } from '../ports/clock.ts'
import { systemClock } from '../ports/system-clock.ts'
import { writeResolved } from './durable-write.ts'
import { FileStorage } from './file-storage.ts'
import { MemoryStorage } from './memory-storage.ts'
import { retryingStorage } from './retrying-storage.ts'
import { isStorageError, type Storage } from './storage.ts'
import { describeStorageUnderFaults, raceCounters, type FaultyStoreUnderTest } from './storage-faults-contract.ts'
import { FAULTS_OF_CALLS, randomFaults, StorageFaultLayer, type StorageFault } from './testdata/storage-fault-layer.ts'

/** Share of the calls that fail. */
const RATE = 0.3
/** How much faster than the machine's a clock runs whose waits have to be waited for. */
const SPEED = 20

const fastClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * SPEED,
  sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
}

function virtualClock(time: VirtualTime): Clock {
  return { now: () => time.now(), monotonic: () => time.now(), sleep: (ms, signal) => time.sleep(ms, signal) }
}

function faulty(inner: Storage, clock: Clock, seed: string): Omit<FaultyStoreUnderTest, 'root' | 'rounds' | 'run' | 'cleanup'> & { readonly storage: StorageFaultLayer } {
  const draws = new SeededRandom(seed)
  const storage = new StorageFaultLayer(inner, { choose: randomFaults(draws, RATE), draws, clock })
  const faults = () => [...storage.counts.values()].reduce((sum, count) => sum + count, 0)
  return { storage, clock, random: new SeededRandom(`${seed} client`), faults, settled: () => storage.settled() }
}

function memoryUnderTest(seed: string): FaultyStoreUnderTest & { readonly storage: StorageFaultLayer } {
  const time = new VirtualTime(0)
  return { ...faulty(new MemoryStorage(), virtualClock(time), seed), root: 'memory://bucket/', rounds: 12, run: (work) => time.runUntilDone(work, 3600_000), cleanup: () => Promise.resolve() }
}

describeStorageUnderFaults('memory storage', () => Promise.resolve(memoryUnderTest('memory')))

describeStorageUnderFaults('file storage', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'llmbatch-faults-'))
  return {
    ...faulty(new FileStorage(), fastClock, 'file'),
    root: `${pathToFileURL(folder).href}/`,
    rounds: 3,
    run: (work) => work,
    cleanup: () => rm(folder, { recursive: true, force: true }),
  }
})

describe('the fault layer', () => {
  it('gives each call each of its faults, and is a pure function of its seed', async () => {
    const runOnce = async (): Promise<readonly string[]> => {
      const time = new VirtualTime(0)
      const seen: string[] = []
      const draws = new SeededRandom('seed')
      const clock = virtualClock(time)
      const layer = new StorageFaultLayer(new MemoryStorage(), { choose: randomFaults(draws, 0.9), draws, clock, onFault: (fault, call) => seen.push(`${fault} of ${call}`) })
      const drain = async (items: AsyncIterable<unknown>) => {
        for await (const item of items) seen.push(typeof item)
      }
      for (let i = 0; i < 300; i++) {
        const uri = `memory://bucket/${i}`
        const calls: (() => Promise<unknown>)[] = [
          () => layer.head(uri), () => layer.get(uri), () => drain(layer.read(uri, 0, 1, 'etag')), () => layer.put(uri, Buffer.from('x'), { ifNoneMatch: '*' }), () => drain(layer.list(uri)),
          () => layer.remove(uri), () => layer.beginUpload(uri), () => layer.uploadPart(uri, 'id', 1, Buffer.from('x')), () => layer.copyPart(uri, 'id', 1, { uri, ifMatch: 'etag', from: 0, to: 1 }),
          () => layer.completeUpload(uri, 'id', [], { ifNoneMatch: '*' }), () => layer.listUploads(uri), () => layer.listFolderUploads('memory://bucket/'), () => layer.abortUpload(uri, 'id'),
        ]
        for (const call of calls) await time.runUntilDone(Promise.allSettled([call()]), 3600_000)
      }
      return seen
    }
    const seen = await runOnce()
    const possible = Object.entries(FAULTS_OF_CALLS).flatMap(([call, faults]) => faults.map((fault: StorageFault) => `${fault} of ${call}`))
    // An object that is not there has no body to break.
    expect(possible.filter((fault) => !seen.includes(fault) && fault !== 'Broken of read')).toEqual([])
    expect(await runOnce()).toEqual(seen)
  })
})

describe('racing writers notice', () => {
  const SEEDS = 20

  /** In how many seeds what the writers were told differs from what is there. */
  async function wrongCounts(write: typeof writeResolved): Promise<number> {
    let wrong = 0
    for (let seed = 0; seed < SEEDS; seed++) {
      const under = memoryUnderTest(`mutant ${seed}`)
      const storage = retryingStorage(under.storage, under)
      const { acknowledged, stored } = await under.run(raceCounters(storage, under, 'memory://bucket/counters', write))
      if (acknowledged.join() !== stored.join()) wrong += 1
    }
    return wrong
  }

  it('nothing wrong with writeResolved', async () => {
    expect(await wrongCounts(writeResolved)).toBe(0)
  })

  it('an unclear write that is taken as done', async () => {
    expect(await wrongCounts(async (storage, _, uri, bytes, condition) => {
      try {
        return { kind: 'Written', etag: await storage.put(uri, bytes, condition) }
      } catch (error) {
        if (isStorageError(error, 'Unclear')) return { kind: 'Written', etag: 'unknown' }
        if (isStorageError(error, 'PreconditionFailed')) return { kind: 'Lost', current: await storage.get(uri) }
        throw error
      }
    })).toBeGreaterThan(SEEDS / 2)
  })

  it.each(['Unclear', 'PreconditionFailed'] as const)('a write answered %s that is taken as not done, without a look', async (kind) => {
    expect(await wrongCounts(async (storage, clock, uri, bytes, condition) => {
      const before = await storage.get(uri)
      try {
        return { kind: 'Written', etag: await storage.put(uri, bytes, condition) }
      } catch (error) {
        return isStorageError(error, kind) ? { kind: 'Lost', current: before } : writeResolved(storage, clock, uri, bytes, condition)
      }
    })).toBeGreaterThan(SEEDS / 4)
  })
})
