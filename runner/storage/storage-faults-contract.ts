import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Clock } from '../ports/clock.ts'
import { nonce, type Random } from '../ports/random.ts'
import { collectBytes, collectItems } from './collect.ts'
import { writeResolved, writeStreamed } from './durable-write.ts'
import { retryingStorage } from './retrying-storage.ts'
import { isStorageError, PART_MINIMUM, type Storage } from './storage.ts'

/** A store under test whose calls fail now and then. `root` is a URI that ends in `/`, under which nothing lies. */
export interface FaultyStoreUnderTest {
  readonly storage: Storage
  readonly root: string
  readonly clock: Clock
  readonly random: Random
  /** How often each test is run, over other faults. */
  readonly rounds: number
  /** How many faults there were so far. */
  readonly faults: () => number
  /** Waits until writes that are late have arrived. */
  readonly settled: () => Promise<void>
  /** Waits for work, and lets a virtual clock run meanwhile. */
  readonly run: <T>(work: Promise<T>) => Promise<T>
  readonly cleanup: () => Promise<void>
}

const WRITERS = 3
const INCREMENTS = 6
/** Sizes of the pieces of a streamed object: with `writeStreamed`'s parts of 8 MiB it takes two. */
const PIECES = [3_000_000, 1, 4_000_000, 3_500_000, 700_123]
const OBJECTS = 40
const READS = 12

/** What the project does to storage, done right although calls fail: through `retryingStorage`, `writeResolved` and `writeStreamed`, for every maker of `Storage`. */
export function describeStorageUnderFaults(name: string, make: () => Promise<FaultyStoreUnderTest>): void {
  describe(`${name} whose calls fail`, () => {
    let under: FaultyStoreUnderTest
    let storage: Storage
    let folders = 0

    beforeAll(async () => {
      under = await make()
      storage = retryingStorage(under.storage, under)
    })
    afterAll(() => under.cleanup())

    /** A test that runs in rounds, each in a folder of its own, and in which faults happen. */
    function itInRounds(what: string, test: (folder: string) => Promise<void>): void {
      it(what, { timeout: 120_000 }, async () => {
        const before = under.faults()
        for (let round = 0; round < under.rounds; round++) await under.run(test(`${under.root}f${++folders}/`))
        expect(under.faults()).toBeGreaterThan(before)
      })
    }

    itInRounds('counts each acknowledged increment of racing writers once', async (folder) => {
      const { acknowledged, stored } = await raceCounters(storage, under, `${folder}counters`)
      expect(stored).toEqual(acknowledged)
      expect(acknowledged).toEqual(Array.from({ length: WRITERS }, () => INCREMENTS))
    })

    itInRounds('has streamed objects whole, and reads any of their bytes exactly', async (folder) => {
      const { content, pieces } = streamed(under.random)
      const ref = await writeStreamed(storage, under.clock, `${folder}streamed`, pieces())
      expect(ref).toMatchObject({ size: content.length, sha256: sha256(content) })
      expect(sha256(await collectBytes(storage.read(ref.uri, 0, ref.size, ref.etag)))).toBe(ref.sha256)
      for (let i = 0; i < READS; i++) {
        const [from, to] = rangeWithin(under.random, content.length)
        const bytes = await collectBytes(storage.read(ref.uri, from, to, ref.etag))
        expect(Buffer.compare(bytes, content.subarray(from, to)), `bytes ${from}-${to}`).toBe(0)
      }
    })

    itInRounds('assembles an object from copied and uploaded parts, as merge does, and leaves no upload open', async (folder) => {
      const { content, pieces } = streamed(under.random)
      const source = await writeStreamed(storage, under.clock, `${folder}source`, pieces())
      const target = `${folder}target`
      for (let found = await storage.head(target); found === null; found = await storage.head(target)) {
        const id = await storage.beginUpload(target)
        const copied = await storage.copyPart(target, id, 1, { uri: source.uri, ifMatch: source.etag, from: 1, to: 1 + PART_MINIMUM })
        const added = await storage.uploadPart(target, id, 2, content.subarray(0, 1_000))
        try {
          await storage.completeUpload(target, id, [copied, added], { ifNoneMatch: '*' })
        } catch (error) {
          if (!isStorageError(error, 'PreconditionFailed', 'Unclear', 'NotFound')) throw error
        }
      }
      await under.settled()
      for (const id of await storage.listUploads(target)) await storage.abortUpload(target, id)
      expect(await storage.listUploads(target)).toEqual([])
      const info = await storage.head(target)
      expect(info?.size).toBe(PART_MINIMUM + 1_000)
      const bytes = await collectBytes(storage.read(target, 0, PART_MINIMUM + 1_000, info?.etag ?? ''))
      expect(sha256(bytes)).toBe(sha256(content.subarray(1, 1 + PART_MINIMUM), content.subarray(0, 1_000)))
    })

    itInRounds('lists all that is there and nothing that was removed', async (folder) => {
      const uris = Array.from({ length: OBJECTS }, (_, i) => `${folder}${i % 3}/${String(i).padStart(3, '0')}`)
      await Promise.all(uris.map((uri) => writeResolved(storage, under.clock, uri, Buffer.from(uri), { ifNoneMatch: '*' })))
      await under.settled()
      const kept = uris.filter((_, i) => i % 4 !== 0)
      for (const uri of uris) if (!kept.includes(uri)) await storage.remove(uri)
      expect((await collectItems(storage.list(folder))).map((info) => info.uri)).toEqual(kept.toSorted())
    })
  })
}

/** Counters of several writers in one object. The nonce makes every version's bytes its own. */
interface Counters {
  readonly nonce: string
  readonly counts: readonly number[]
}

/** Several writers count up in one object, each its own counter. Returns what each was told, and what the object holds when all writes have arrived. */
export async function raceCounters(
  storage: Storage, under: Pick<FaultyStoreUnderTest, 'clock' | 'random' | 'settled'>, uri: string, write: typeof writeResolved = writeResolved,
): Promise<{ readonly acknowledged: readonly number[]; readonly stored: readonly number[] }> {
  const acknowledged = await Promise.all(Array.from({ length: WRITERS }, (_, writer) => countUp(storage, under, uri, writer, write)))
  await under.settled()
  return { acknowledged, stored: countsIn(await storage.get(uri)) }
}

async function countUp(storage: Storage, { clock, random }: Pick<FaultyStoreUnderTest, 'clock' | 'random'>, uri: string, writer: number, write: typeof writeResolved): Promise<number> {
  let acknowledged = 0
  while (acknowledged < INCREMENTS) {
    const found = await storage.get(uri)
    const before = countsIn(found)
    const next: Counters = { nonce: nonce(random), counts: before.map((count, i) => (i === writer ? count + 1 : count)) }
    const written = await write(storage, clock, uri, Buffer.from(JSON.stringify(next)), found === null ? { ifNoneMatch: '*' } : { ifMatch: found.etag })
    // A write that another one replaced before its answer came counts as lost; the counter shows that it was there.
    if (written.kind === 'Written' || (countsIn(written.current)[writer] ?? 0) > (before[writer] ?? 0)) acknowledged += 1
  }
  return acknowledged
}

function countsIn(found: { readonly bytes: Uint8Array } | null): readonly number[] {
  if (found === null) return Array.from({ length: WRITERS }, () => 0)
  return (JSON.parse(Buffer.from(found.bytes).toString()) as Counters).counts
}

function streamed(random: Random): { readonly content: Buffer; readonly pieces: () => AsyncIterable<Uint8Array> } {
  const tile = Buffer.from(random.bytes(4_099))
  const size = PIECES.reduce((sum, piece) => sum + piece, 0)
  const content = Buffer.alloc(size, tile)
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let at = 0
    for (const piece of PIECES) yield await Promise.resolve(content.subarray(at, (at += piece)))
  }
  return { content, pieces }
}

function rangeWithin(random: Random, size: number): readonly [number, number] {
  const drawn = Buffer.from(random.bytes(8))
  const [a, b] = [drawn.readUInt32LE(0) % (size + 1), drawn.readUInt32LE(4) % (size + 1)]
  return a < b ? [a, b] : [b, a]
}

function sha256(...parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}
