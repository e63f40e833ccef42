import { describe, expect, it } from 'vitest'
import { collectItems } from './collect.ts'
import { PART_MINIMUM, type Storage } from './storage.ts'

/** The multipart part of the storage contract; run by `describeStorageContract`. */
export function describeUploadContract(under: { readonly storage: () => Storage; readonly folder: () => string }): void {
  describe('multipart uploads', () => {
    it('joins the parts by number; nothing is seen before the end', async () => {
      const storage = under.storage()
      const base = under.folder()
      const uri = `${base}sub/object`
      const id = await storage.beginUpload(uri)
      const last = await storage.uploadPart(uri, id, 7, filled(3, 10))
      const first = await storage.uploadPart(uri, id, 2, filled(1, PART_MINIMUM))
      const middle = await storage.uploadPart(uri, id, 3, filled(2, PART_MINIMUM + 1))
      expect(await storage.head(uri)).toBeNull()
      expect(await collectItems(storage.list(base))).toEqual([])
      const etag = await storage.completeUpload(uri, id, [first, middle, last], { ifNoneMatch: '*' })
      expect((await storage.head(uri))?.size).toBe(2 * PART_MINIMUM + 11)
      expect(await runsOf(storage.read(uri, 0, 2 * PART_MINIMUM + 11, etag))).toEqual([
        [1, PART_MINIMUM],
        [2, PART_MINIMUM + 1],
        [3, 10],
      ])
      expect((await collectItems(storage.list(base))).map((info) => info.uri)).toEqual([uri])
    })

    it('keeps two uploads of one object apart', async () => {
      const storage = under.storage()
      const uri = `${under.folder()}object`
      const [one, two] = [await storage.beginUpload(uri), await storage.beginUpload(uri)]
      expect(one).not.toBe(two)
      const partOne = await storage.uploadPart(uri, one, 1, filled(1, 5))
      await storage.uploadPart(uri, two, 1, filled(2, 5))
      const etag = await storage.completeUpload(uri, one, [partOne], { ifNoneMatch: '*' })
      await storage.abortUpload(uri, two)
      expect(await runsOf(storage.read(uri, 0, 5, etag))).toEqual([[1, 5]])
    })

    it('takes the latest of a part that was sent twice', async () => {
      const storage = under.storage()
      const uri = `${under.folder()}object`
      const id = await storage.beginUpload(uri)
      const stale = await storage.uploadPart(uri, id, 1, filled(1, 4))
      const part = await storage.uploadPart(uri, id, 1, filled(2, 5))
      await expect(storage.completeUpload(uri, id, [stale], { ifNoneMatch: '*' })).rejects.toMatchObject({ kind: 'Misused' })
      const etag = await storage.completeUpload(uri, id, [part], { ifNoneMatch: '*' })
      expect(await runsOf(storage.read(uri, 0, 5, etag))).toEqual([[2, 5]])
    })

    it('makes parts of ranges of another object', async () => {
      const storage = under.storage()
      const base = under.folder()
      const source = `${base}source`
      const content = Buffer.concat([filled(1, PART_MINIMUM), filled(2, PART_MINIMUM), filled(3, 100)])
      const put = await storage.put(source, content, { ifNoneMatch: '*' })
      const head = await storage.head(source)
      const uri = `${base}target`
      const id = await storage.beginUpload(uri)
      const parts = [
        await storage.copyPart(uri, id, 1, { uri: source, ifMatch: head?.etag ?? '', from: PART_MINIMUM - 1, to: 2 * PART_MINIMUM }),
        await storage.uploadPart(uri, id, 2, filled(4, PART_MINIMUM)),
        await storage.copyPart(uri, id, 3, { uri: source, ifMatch: put, from: 2 * PART_MINIMUM, to: content.length }),
      ]
      const etag = await storage.completeUpload(uri, id, parts, { ifNoneMatch: '*' })
      expect(await runsOf(storage.read(uri, 0, 2 * PART_MINIMUM + 101, etag))).toEqual([
        [1, 1],
        [2, PART_MINIMUM],
        [4, PART_MINIMUM],
        [3, 100],
      ])
    })

    it('copies only from the object that the ETag names, within its size', async () => {
      const storage = under.storage()
      const base = under.folder()
      const [source, uri] = [`${base}source`, `${base}target`]
      const old = await storage.put(source, filled(1, 10), { ifNoneMatch: '*' })
      const now = await storage.put(source, filled(2, 10), { ifMatch: old })
      const id = await storage.beginUpload(uri)
      await expect(storage.copyPart(uri, id, 1, { uri: source, ifMatch: old, from: 0, to: 10 })).rejects.toMatchObject({ kind: 'PreconditionFailed' })
      await expect(storage.copyPart(uri, id, 1, { uri: `${base}none`, ifMatch: now, from: 0, to: 10 })).rejects.toMatchObject({ kind: 'NotFound' })
      await expect(storage.copyPart(uri, id, 1, { uri: source, ifMatch: now, from: 0, to: 11 })).rejects.toThrow(RangeError)
      await storage.abortUpload(uri, id)
    })

    it('completes on the condition, and keeps the upload when it does not hold', async () => {
      const storage = under.storage()
      const uri = `${under.folder()}object`
      const id = await storage.beginUpload(uri)
      const part = await storage.uploadPart(uri, id, 1, filled(1, 5))
      const etag = await storage.put(uri, filled(9, 3), { ifNoneMatch: '*' })
      await expect(storage.completeUpload(uri, id, [part], { ifNoneMatch: '*' })).rejects.toMatchObject({ kind: 'PreconditionFailed' })
      await expect(storage.completeUpload(uri, id, [part], { ifMatch: 'another' })).rejects.toMatchObject({ kind: 'PreconditionFailed' })
      expect((await storage.head(uri))?.size).toBe(3)
      const completed = await storage.completeUpload(uri, id, [part], { ifMatch: etag })
      expect(await runsOf(storage.read(uri, 0, 5, completed))).toEqual([[1, 5]])
      const again = await storage.put(uri, filled(8, 2), { ifMatch: completed })
      expect((await storage.get(uri))?.etag).toBe(again)
    })

    it('lists the uploads of an object that are neither completed nor aborted', async () => {
      const storage = under.storage()
      const uri = `${under.folder()}object`
      expect(await storage.listUploads(uri)).toEqual([])
      const [kept, completed, aborted] = [await storage.beginUpload(uri), await storage.beginUpload(uri), await storage.beginUpload(uri)]
      const elsewhere = await storage.beginUpload(`${uri}2`)
      await storage.completeUpload(uri, completed, [await storage.uploadPart(uri, completed, 1, filled(1, 5))], { ifNoneMatch: '*' })
      await storage.abortUpload(uri, aborted)
      expect(await storage.listUploads(uri)).toEqual([kept])
      await storage.abortUpload(uri, kept)
      await storage.abortUpload(`${uri}2`, elsewhere)
    })

    it('lists the uploads of the objects in a folder', async () => {
      const storage = under.storage()
      const base = under.folder()
      expect(await storage.listFolderUploads(`${base}sub/`)).toEqual([])
      const uris = [`${base}sub/a b`, `${base}sub/é`, `${base}sub/deeper/c`, `${base}other`]
      const uploads = await Promise.all(uris.map(async (uri) => ({ uri, uploadId: await storage.beginUpload(uri) })))
      const found = await storage.listFolderUploads(`${base}sub/`)
      expect(found.toSorted((a, b) => (a.uri < b.uri ? -1 : 1))).toEqual(uploads.slice(0, 2))
      for (const { uri, uploadId } of uploads) await storage.abortUpload(uri, uploadId)
      expect(await storage.listFolderUploads(`${base}sub/`)).toEqual([])
    })

    it('lets one of eight completions with If-None-Match win', async () => {
      const storage = under.storage()
      const uri = `${under.folder()}object`
      const uploads = await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const id = await storage.beginUpload(uri)
          return { id, part: await storage.uploadPart(uri, id, 1, filled(i + 1, 5)) }
        }),
      )
      const results = await Promise.allSettled(uploads.map(({ id, part }) => storage.completeUpload(uri, id, [part], { ifNoneMatch: '*' })))
      const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [i] : []))
      expect(winners).toHaveLength(1)
      for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ kind: 'PreconditionFailed' })
      expect((await storage.get(uri))?.bytes[0]).toBe((winners[0] ?? -1) + 1)
      for (const { id } of uploads) await storage.abortUpload(uri, id)
    })

    it('refuses parts that are too small, out of order, unknown or none', async () => {
      const storage = under.storage()
      const uri = `${under.folder()}object`
      const id = await storage.beginUpload(uri)
      const small = await storage.uploadPart(uri, id, 1, filled(1, PART_MINIMUM - 1))
      const large = await storage.uploadPart(uri, id, 2, filled(2, PART_MINIMUM))
      const end = await storage.uploadPart(uri, id, 3, filled(3, 1))
      for (const parts of [[small, end], [end, large], [large, large], [large, { partNumber: 4, etag: end.etag }], []]) {
        await expect(storage.completeUpload(uri, id, parts, { ifNoneMatch: '*' })).rejects.toMatchObject({ name: 'StorageError', kind: 'Misused' })
      }
      for (const number of [0, 10_001, 1.5]) await expect(storage.uploadPart(uri, id, number, filled(1, 1))).rejects.toThrow(RangeError)
      expect(await storage.head(uri)).toBeNull()
      await storage.completeUpload(uri, id, [large, end], { ifNoneMatch: '*' })
    })

    it('knows no upload that was completed, aborted or never begun', async () => {
      const storage = under.storage()
      const base = under.folder()
      const uri = `${base}object`
      const completed = await storage.beginUpload(uri)
      const part = await storage.uploadPart(uri, completed, 1, filled(1, 5))
      const etag = await storage.completeUpload(uri, completed, [part], { ifNoneMatch: '*' })
      const aborted = await storage.beginUpload(uri)
      const dropped = await storage.uploadPart(uri, aborted, 1, filled(2, 5))
      await storage.abortUpload(uri, aborted)
      const elsewhere = await storage.beginUpload(`${base}other`)
      for (const id of [completed, aborted, elsewhere, 'never', '../object', '']) {
        await expect(storage.uploadPart(uri, id, 1, filled(1, 5)), id).rejects.toMatchObject({ kind: 'NotFound' })
        // Some stores take an unknown upload of an object that exists for one that was completed; then its content has to tell.
        await expect(storage.completeUpload(uri, id, [dropped], { unconditional: true }), id).rejects.toMatchObject({ kind: expect.stringMatching(/^(?:NotFound|Unclear)$/) })
        await storage.abortUpload(uri, id)
      }
      // S3 may answer the same completion again as it did at first.
      const again = await storage.completeUpload(uri, completed, [part], { unconditional: true }).catch((error: unknown) => error)
      if (again !== etag) expect(again).toMatchObject({ name: 'StorageError', kind: 'NotFound' })
      await storage.uploadPart(`${base}other`, elsewhere, 1, filled(1, 5))
      await storage.abortUpload(`${base}other`, elsewhere)
      expect((await storage.head(uri))?.size).toBe(5)
    })
  })
}

function filled(byte: number, size: number): Uint8Array {
  return new Uint8Array(size).fill(byte)
}

/** A stream of filled runs as [byte, length] pairs: compares large contents without holding them. */
async function runsOf(stream: AsyncIterable<Uint8Array>): Promise<[number, number][]> {
  const runs: [number, number][] = []
  for await (const window of stream) {
    for (const byte of window) {
      const last = runs.at(-1)
      if (last?.[0] === byte) last[1] += 1
      else runs.push([byte, 1])
    }
  }
  return runs
}
