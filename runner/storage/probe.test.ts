import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../test/sim/seeded-random.ts'
import { SleepingClock } from '../ledger/testdata/test-ports.ts'
import { systemClock } from '../ports/system-clock.ts'
import { systemRandom } from '../ports/system-random.ts'
import { collectItems } from './collect.ts'
import { FileStorage } from './file-storage.ts'
import { MemoryStorage } from './memory-storage.ts'
import { ensureProbed } from './probe.ts'
import { retryingStorage } from './retrying-storage.ts'
import { StorageError, type Storage } from './storage.ts'
import { decodeJson } from './stored-json.ts'
import { FaultyStorage } from './testdata/faulty-storage.ts'
import { randomFaults, StorageFaultLayer } from './testdata/storage-fault-layer.ts'
import { WeakStorage, type Weakness } from './testdata/weak-storage.ts'

const WORK = 'memory://bucket/.llmbatch/'

/** Probes as the runner does, in a time that does not wait. */
async function probe(storage: Storage, seed = 'probe'): Promise<void> {
  const draws = new SeededRandom(seed)
  const ports = { clock: new SleepingClock(), random: { bytes: (count: number) => draws.bytes(count) } }
  await ensureProbed({ ...ports, storage: retryingStorage(storage, ports) }, WORK)
}

/** A store of which nearly a third of all calls fail. */
function failing(storage: Storage, seed: string): StorageFaultLayer {
  const draws = new SeededRandom(seed)
  return new StorageFaultLayer(storage, { choose: randomFaults(draws, 0.3), draws, clock: new SleepingClock() })
}

async function urisOf(storage: Storage): Promise<string[]> {
  return (await collectItems(storage.list(WORK))).map(({ uri }) => uri)
}

const WEAK: Readonly<Record<Weakness, RegExp>> = {
  IgnoresIfNoneMatch: /^If-None-Match: \* on PutObject lets 8 of 8 writers at once create the same object, instead of one, in round \d+: memory:\/\/bucket\/\.llmbatch\/probe\/[0-9a-f]+-round-\d+$/,
  IgnoresIfMatch: /^If-Match on PutObject lets 8 of 8 writers at once replace the same version of an object, instead of one, in round \d+: memory:/,
  ChecksThenWrites: /^If-None-Match: \* on PutObject lets [2-8] of 8 writers at once create the same object, instead of one, in round \d+: memory:/,
  RefusesAndReplaces: /^If-None-Match: \* on PutObject lets 2 of 8 writers at once create the same object, instead of one, in round \d+: an acknowledged write is replaced by another: memory:/,
  RefusesAll: /^If-None-Match: \* on PutObject is refused for each of 8 writers at once, instead of all but one: memory:/,
  ShowsOldVersions: /^GetObject does not show an acknowledged PutObject right after it, in round \d+: memory:/,
  LosesReplaced: /^If-Match on PutObject is not kept: after round \d+ the object is gone, which none of its 8 writers may have done: memory:/,
  HidesCompleted: /^GetObject does not show an acknowledged CompleteMultipartUpload right after it: memory:/,
  IgnoresIfNoneMatchOnComplete: /^If-None-Match: \* on CompleteMultipartUpload is not heeded: an upload replaced an object that existed: memory:/,
  IgnoresIfMatchOnComplete: /^If-Match on CompleteMultipartUpload is not heeded: an upload that was to replace the version [0-9a-f]+ replaced a later one: memory:/,
  RefusesIfMatchOnComplete: /^If-Match on CompleteMultipartUpload is refused for the version that is there: memory:/,
  IgnoresIfMatchOnCopy: /^x-amz-copy-source-if-match on UploadPartCopy is not heeded: a part of the version [0-9a-f]+ was copied from a later one: memory:/,
  IgnoresIfMatchOnRead: /^If-Match on GetObject is not heeded: a read of the version [0-9a-f]+ was answered from a later one: memory:/,
  ShiftsRanges: /^Range on GetObject is not kept: bytes 100-199 of an object of 1000 bytes were answered with 100 bytes that are not they: memory:/,
}

describe('ensureProbed', () => {
  it('passes a sound store, and leaves only a note of it', async () => {
    const storage = new MemoryStorage()
    await probe(storage)
    expect(await urisOf(storage)).toEqual([`${WORK}probe-passed`])
    expect(storage.openUploads()).toEqual([])
    const note = await storage.get(`${WORK}probe-passed`)
    expect(decodeJson(WORK, note?.bytes ?? new Uint8Array(0))).toEqual({ schemaVersion: 1, writers: 8, rounds: 20 })
  })

  it('asks no more than a head and for left uploads once a store has passed', async () => {
    const storage = new FaultyStorage(new SleepingClock())
    await probe(storage)
    expect(storage.calls.length).toBeLessThan(450)
    storage.calls.length = 0
    await probe(storage, 'again')
    expect(storage.calls).toEqual(['head', 'listFolderUploads'])
  })

  it('aborts what a probe that was killed left open, and nothing of the work', async () => {
    const storage = new MemoryStorage()
    await storage.beginUpload(`${WORK}probe/0f3c-copy`)
    const kept = { uri: `${WORK}parts/ledger/e1-s1-x.part`, uploadId: await storage.beginUpload(`${WORK}parts/ledger/e1-s1-x.part`) }
    await probe(storage)
    expect(storage.openUploads()).toEqual([kept])
    await storage.beginUpload(`${WORK}probe/1a2b-complete`)
    await probe(storage)
    expect(storage.openUploads()).toEqual([kept])
  })

  it('passes file storage', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'llmbatch-probe-'))
    try {
      await ensureProbed({ storage: new FileStorage(), clock: systemClock, random: systemRandom }, `${pathToFileURL(folder).href}/work/`)
      const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => !entry.isDirectory())
      expect(files.map(({ name }) => name)).toEqual(['probe-passed'])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('lets two probes of one work folder run at once', async () => {
    const storage = new MemoryStorage()
    await Promise.all([probe(storage, 'one'), probe(storage, 'two')])
    expect(await urisOf(storage)).toEqual([`${WORK}probe-passed`])
  })

  for (const [weakness, message] of Object.entries(WEAK) as [Weakness, RegExp][]) {
    it(`refuses a store that is weak (${weakness}) and names its fault`, async () => {
      const storage = new WeakStorage(weakness)
      await expect(probe(storage)).rejects.toMatchObject({ code: 'StorageUnsuitable', message: expect.stringMatching(message) as string })
      expect(await urisOf(storage)).toEqual([])
      expect(storage.openUploads()).toEqual([])
    })
  }

  it('passes a sound store of which 30 % of the calls fail', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const storage = new MemoryStorage()
      const faulty = failing(storage, `sound ${seed}`)
      await probe(faulty, `${seed}`)
      expect(await storage.head(`${WORK}probe-passed`)).not.toBeNull()
      expect([...faulty.counts.keys()]).toEqual(expect.arrayContaining(['AppliedUnclear', 'LostUnclear', 'LateUnclear', 'SentTwice', 'Conflict', 'Unavailable']))
    }
  })

  it('passes a store that refuses a good upload because it is busy', async () => {
    const storage = new FaultyStorage(new SleepingClock())
    storage.faultsOfCalls.set('completeUpload', ['Conflict', 'Conflict'])
    await probe(storage)
    expect(storage.faultsOfCalls.get('completeUpload')).toEqual([])
  })

  it('refuses weak stores of which 30 % of the calls fail', async () => {
    for (const weakness of Object.keys(WEAK) as Weakness[]) {
      // Faults may be to blame for what these two do.
      if (weakness === 'RefusesAll' || weakness === 'HidesCompleted') continue
      for (let seed = 0; seed < 3; seed++) {
        await expect(probe(failing(new WeakStorage(weakness), `${weakness} ${seed}`), `${seed}`), weakness).rejects.toMatchObject({ code: 'StorageUnsuitable' })
      }
    }
  })

  it('does not judge a store whose answers are all lost', async () => {
    const storage = new FaultyStorage(new SleepingClock())
    storage.faults.push(...Array.from({ length: 10_000 }, () => 'AppliedUnclear' as const))
    await expect(probe(storage)).rejects.toMatchObject({
      code: 'StorageUnavailable',
      message: expect.stringMatching(/^If-None-Match: \* on PutObject cannot be probed, because the store's answers were unclear in 100 rounds: memory:/) as string,
    })
    expect(await storage.head(`${WORK}probe-passed`)).toBeNull()
  })

  it('passes on what is no fault of conditional writes', async () => {
    for (const kind of ['Denied', 'Misused', 'Unavailable'] as const) {
      const storage = new MemoryStorage()
      storage.put = (uri) => Promise.reject(new StorageError(kind, uri, 'The store says no'))
      await expect(probe(storage)).rejects.toMatchObject({ name: 'StorageError', kind, message: expect.stringContaining('The store says no: memory:') as string })
    }
  })
})
