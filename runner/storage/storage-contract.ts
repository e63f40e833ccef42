import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collectBytes, collectItems } from './collect.ts'
import { describeUploadContract } from './storage-contract-uploads.ts'
import { GET_LIMIT, type Storage } from './storage.ts'

/** A store under test. `root` is a URI that ends in `/`, under which nothing lies. */
export interface StorageUnderTest {
  readonly storage: Storage
  readonly root: string
  readonly cleanup: () => Promise<void>
}

const WRITERS = 8
const ROUNDS = 20

/** The tests that every maker of `Storage` passes. */
export function describeStorageContract(name: string, make: () => Promise<StorageUnderTest>): void {
  describe(`${name} keeps the storage contract`, () => {
    let storage: Storage
    let root: string
    let cleanup: (() => Promise<void>) | undefined
    let folders = 0
    /** A folder of its own for each test. */
    const folder = () => `${root}t${++folders}/`

    beforeAll(async () => {
      const made = await make()
      ;({ storage, root, cleanup } = made)
    })
    afterAll(async () => {
      await cleanup?.()
    })

    describe('whole objects', () => {
      it('returns what was put, and its ETag', async () => {
        const uri = `${folder()}a/b/object`
        const etag = await storage.put(uri, text('hello'), { ifNoneMatch: '*' })
        const got = await storage.get(uri)
        expect(got?.etag).toBe(etag)
        expect(got && decode(got.bytes)).toBe('hello')
        expect(await storage.head(uri)).toMatchObject({ uri, size: 5 })
      })

      it('keeps an empty object', async () => {
        const uri = `${folder()}empty`
        await storage.put(uri, new Uint8Array(0), { ifNoneMatch: '*' })
        expect((await storage.get(uri))?.bytes).toHaveLength(0)
        expect((await storage.head(uri))?.size).toBe(0)
      })

      it('keeps its own copy of the bytes', async () => {
        const uri = `${folder()}copy`
        const bytes = Buffer.from('before')
        const writing = storage.put(uri, bytes, { ifNoneMatch: '*' })
        await writing
        bytes.fill(0)
        const first = await storage.get(uri)
        expect(first && decode(first.bytes)).toBe('before')
        first?.bytes.fill(0)
        const second = await storage.get(uri)
        expect(second && decode(second.bytes)).toBe('before')
      })

      it('shows null for what is missing, also below an object and for a folder', async () => {
        const base = folder()
        await storage.put(`${base}a/object`, text('x'), { ifNoneMatch: '*' })
        for (const missing of [`${base}none`, `${base}none/none`, `${base}a`, `${base}a/object/below`]) {
          expect(await storage.head(missing), missing).toBeNull()
          expect(await storage.get(missing), missing).toBeNull()
        }
      })

      it('keeps names as they are: spaces, percent signs, hashes, letters of any script', async () => {
        const base = folder()
        const names = ['a b', 'a%20b', 'a+b', 'year=2024', '#1', '100%', 'q?x=1', 'größe', 'gro\u0308ße', '価格', '🙂', "it's \"so\"", 'back\\slash', '.dot', '-dash', '*', '[x]', '{y}']
        for (const key of names) await storage.put(`${base}${key}/${key}`, text(key), { ifNoneMatch: '*' })
        for (const key of names) {
          const got = await storage.get(`${base}${key}/${key}`)
          expect(got && decode(got.bytes), key).toBe(key)
        }
        expect((await urisOf(storage, base)).toSorted()).toEqual(names.map((key) => `${base}${key}/${key}`).toSorted())
      })

      it('refuses to get an object over the limit, which is read by ranges', async () => {
        const uri = `${folder()}large`
        const etag = await storage.put(uri, new Uint8Array(GET_LIMIT + 1), { ifNoneMatch: '*' })
        await expect(storage.get(uri)).rejects.toMatchObject({ name: 'StorageError', kind: 'Misused' })
        expect(await collectBytes(storage.read(uri, GET_LIMIT - 1, GET_LIMIT + 1, etag))).toHaveLength(2)
        await storage.put(uri, text('small'), { ifMatch: etag })
      })
    })

    describe('conditions', () => {
      it('creates with If-None-Match once', async () => {
        const uri = `${folder()}object`
        await storage.put(uri, text('first'), { ifNoneMatch: '*' })
        await expect(storage.put(uri, text('second'), { ifNoneMatch: '*' })).rejects.toMatchObject({ kind: 'PreconditionFailed', uri })
        expect(await contentOf(storage, uri)).toBe('first')
      })

      it('replaces with If-Match only the object that the ETag names', async () => {
        const uri = `${folder()}object`
        const first = await storage.put(uri, text('first'), { ifNoneMatch: '*' })
        const second = await storage.put(uri, text('second'), { ifMatch: first })
        expect(second).not.toBe(first)
        await expect(storage.put(uri, text('third'), { ifMatch: first })).rejects.toMatchObject({ kind: 'PreconditionFailed' })
        await expect(storage.put(uri, text('third'), { ifMatch: 'never an ETag' })).rejects.toMatchObject({ kind: 'PreconditionFailed' })
        expect(await contentOf(storage, uri)).toBe('second')
      })

      it('takes the ETag of every call that returns one', async () => {
        const base = folder()
        const uri = `${base}object`
        const read = async () => {
          const [head, got, [listed]] = [await storage.head(uri), await storage.get(uri), await collectItems(storage.list(base))]
          return [head?.etag, got?.etag, listed?.etag]
        }
        await storage.put(uri, text('0'), { ifNoneMatch: '*' })
        for (const form of [0, 1, 2]) {
          const etag = (await read())[form] ?? 'missing'
          expect(decode(await collectBytes(storage.read(uri, 0, 1, etag)))).toBe(String(form))
          await storage.put(uri, text(String(form + 1)), { ifMatch: etag })
          await expect(storage.put(uri, text('x'), { ifMatch: etag })).rejects.toMatchObject({ kind: 'PreconditionFailed' })
        }
      })

      it('fails If-Match on a missing object, and does not make it', async () => {
        const base = folder()
        await expect(storage.put(`${base}a/b`, text('x'), { ifMatch: 'x' })).rejects.toMatchObject({ kind: 'PreconditionFailed' })
        const etag = await storage.put(`${base}c`, text('x'), { ifNoneMatch: '*' })
        await storage.remove(`${base}c`)
        await expect(storage.put(`${base}c`, text('y'), { ifMatch: etag })).rejects.toMatchObject({ kind: 'PreconditionFailed' })
        expect(await urisOf(storage, base)).toEqual([])
      })

      it('writes without a condition over anything or nothing', async () => {
        const uri = `${folder()}object`
        await storage.put(uri, text('first'), { unconditional: true })
        await storage.put(uri, text('second'), { unconditional: true })
        expect(await contentOf(storage, uri)).toBe('second')
      })

      it(`lets one of ${WRITERS} writers create an object, in each of ${ROUNDS} rounds`, async () => {
        const base = folder()
        for (let round = 0; round < ROUNDS; round++) {
          const uri = `${base}${round}`
          const results = await race((writer) => storage.put(uri, text(`writer ${writer}`), { ifNoneMatch: '*' }))
          expect(results.failures).toHaveLength(WRITERS - 1)
          expect(await contentOf(storage, uri)).toBe(`writer ${results.winner}`)
        }
      })

      it(`lets one of ${WRITERS} writers replace an object, in each of ${ROUNDS} rounds`, async () => {
        const uri = `${folder()}object`
        let etag = await storage.put(uri, text('start'), { ifNoneMatch: '*' })
        for (let round = 0; round < ROUNDS; round++) {
          const results = await race((writer) => storage.put(uri, text(`round ${round} writer ${writer}`), { ifMatch: etag }))
          expect(results.failures).toHaveLength(WRITERS - 1)
          expect(await contentOf(storage, uri)).toBe(`round ${round} writer ${results.winner}`)
          etag = results.etag
        }
      })
    })

    describe('ranged reads', () => {
      it('yields the bytes of any range', async () => {
        const uri = `${folder()}object`
        const bytes = pattern(600_000)
        const etag = await storage.put(uri, bytes, { ifNoneMatch: '*' })
        for (const [from, to] of [[0, 600_000], [0, 1], [599_999, 600_000], [262_143, 262_145], [300_000, 300_000], [600_000, 600_000]] as const) {
          expect(Buffer.compare(await collectBytes(storage.read(uri, from, to, etag)), bytes.subarray(from, to)), `${from}-${to}`).toBe(0)
        }
      })

      it('streams: no window is over 256 KiB, and a reader may stop early', async () => {
        const uri = `${folder()}object`
        const etag = await storage.put(uri, pattern(1_000_000), { ifNoneMatch: '*' })
        const sizes: number[] = []
        for await (const window of storage.read(uri, 0, 1_000_000, etag)) {
          sizes.push(window.length)
          if (sizes.length === 2) break
        }
        expect(sizes).toHaveLength(2)
        expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1024)
      })

      it('refuses a range outside the object', async () => {
        const uri = `${folder()}object`
        const etag = await storage.put(uri, text('12345'), { ifNoneMatch: '*' })
        for (const [from, to] of [[0, 6], [6, 6], [-1, 2], [3, 2]] as const) {
          await expect(collectBytes(storage.read(uri, from, to, etag)), `${from}-${to}`).rejects.toThrow(RangeError)
        }
      })

      it('fails when the object was replaced or removed', async () => {
        const uri = `${folder()}object`
        const etag = await storage.put(uri, text('before'), { ifNoneMatch: '*' })
        const head = await storage.head(uri)
        await storage.put(uri, text('behind'), { ifMatch: etag })
        await expect(collectBytes(storage.read(uri, 0, 6, etag))).rejects.toMatchObject({ kind: 'PreconditionFailed' })
        await expect(collectBytes(storage.read(uri, 0, 6, head?.etag ?? ''))).rejects.toMatchObject({ kind: 'PreconditionFailed' })
        await storage.remove(uri)
        await expect(collectBytes(storage.read(uri, 0, 6, etag))).rejects.toMatchObject({ kind: 'NotFound' })
      })

      it('a read under way never mixes two contents', async () => {
        const uri = `${folder()}object`
        const size = 2_000_000
        const etag = await storage.put(uri, new Uint8Array(size).fill(1), { ifNoneMatch: '*' })
        const seen = new Set<number>()
        for await (const window of storage.read(uri, 0, size, etag)) {
          if (seen.size === 0) await storage.put(uri, new Uint8Array(size).fill(2), { ifMatch: etag })
          for (const byte of window) seen.add(byte)
        }
        expect([...seen]).toEqual([1])
      })
    })

    describe('listings', () => {
      it('lists what starts with the prefix, in the order of UTF-8 bytes', async () => {
        const base = folder()
        const keys = ['a', 'a-b', 'a.b', 'aa', 'a b/x', 'b/1', 'b/10', 'b/2', 'b-', 'b0', 'B', 'é', 'z/y/x', '\uFFFDx', '😀', '\uE000']
        for (const key of keys.toReversed()) await storage.put(`${base}${key}`, text(key), { ifNoneMatch: '*' })
        const inOrder = (list: string[]) => list.map((key) => `${base}${key}`).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        expect(await urisOf(storage, base)).toEqual(inOrder(keys))
        expect(await urisOf(storage, `${base}a`)).toEqual(inOrder(keys.filter((key) => key.startsWith('a'))))
        expect(await urisOf(storage, `${base}b/1`)).toEqual(inOrder(['b/1', 'b/10']))
        expect(await urisOf(storage, `${base}b/`)).toEqual(inOrder(['b/1', 'b/10', 'b/2']))
        expect(await urisOf(storage, `${base}nothing/here`)).toEqual([])
      })

      it('agrees with head', async () => {
        const base = folder()
        await storage.put(`${base}x`, text('12345'), { ifNoneMatch: '*' })
        expect(await collectItems(storage.list(base))).toEqual([await storage.head(`${base}x`)])
      })
    })

    describe('removal', () => {
      it('removes, and takes a missing object as removed', async () => {
        const base = folder()
        const uri = `${base}a/object`
        await storage.put(uri, text('x'), { ifNoneMatch: '*' })
        await storage.remove(uri)
        await storage.remove(uri)
        await storage.remove(`${base}never/was`)
        expect(await storage.get(uri)).toBeNull()
        await storage.put(uri, text('again'), { ifNoneMatch: '*' })
        expect(await contentOf(storage, uri)).toBe('again')
      })
    })

    describeUploadContract({ storage: () => storage, folder })
  })
}

/** Runs all writers at once; fails unless one wins and each other sees PreconditionFailed. */
async function race(write: (writer: number) => Promise<string>): Promise<{ winner: number; etag: string; failures: unknown[] }> {
  const results = await Promise.allSettled(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
  const winners = results.flatMap((result, writer) => (result.status === 'fulfilled' ? [{ writer, etag: result.value }] : []))
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  for (const failure of failures) expect(failure).toMatchObject({ name: 'StorageError', kind: 'PreconditionFailed' })
  const [winner] = winners
  expect(winners).toHaveLength(1)
  if (winner === undefined) throw new Error('no writer won')
  return { winner: winner.writer, etag: winner.etag, failures }
}

const text = (value: string): Uint8Array => Buffer.from(value)
const decode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

async function contentOf(storage: Storage, uri: string): Promise<string | null> {
  const got = await storage.get(uri)
  return got === null ? null : decode(got.bytes)
}

async function urisOf(storage: Storage, prefix: string): Promise<string[]> {
  return (await collectItems(storage.list(prefix))).map(({ uri }) => uri)
}

/** Bytes that differ from place to place. */
function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255)
}
