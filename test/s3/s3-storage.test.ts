import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collectBytes, collectItems } from '../../runner/storage/collect.ts'
import { S3Storage } from '../../runner/storage/s3-storage.ts'
import { describeStorageContract } from '../../runner/storage/storage-contract.ts'
import { startForwardProxy } from './forward-proxy.ts'
import { storageOf } from './s3-place.ts'
import { startS3Server, type S3Server } from './versitygw.ts'

describeStorageContract('S3Storage', async () => {
  const server = await startS3Server()
  return { storage: storageOf(server), root: `s3://${server.bucket}/`, cleanup: () => server.close() }
})

describe('S3Storage', () => {
  let server: S3Server
  let storage: S3Storage
  let folders = 0
  const folder = () => `s3://${server.bucket}/t${++folders}/`
  beforeAll(async () => {
    server = await startS3Server()
    storage = storageOf(server)
  })
  afterAll(() => server.close())

  it('copies from, uploads to and lists names of any characters', async () => {
    const base = folder()
    const names = ['a b', ' a ', 'a%20b', 'a+b', 'k=v', '#1', 'q?x=1&y', 'größe', 'gro\u0308ße', '🙂', '\'"', 'back\\slash', '*', '(x)!', ';,:@$', '<&>', '~', '`^|{}[]', 'a\tb', '\u00A0']
    for (const name of names) {
      const source = `${base}from/${name}/${name}`
      const target = `${base}to/${name}`
      const etag = await storage.put(source, Buffer.from(name), { ifNoneMatch: '*' })
      const id = await storage.beginUpload(target)
      expect(await storage.listUploads(target), name).toEqual([id])
      expect(await storage.listFolderUploads(`${base}to/`), name).toEqual([{ uri: target, uploadId: id }])
      const part = await storage.copyPart(target, id, 1, { uri: source, ifMatch: etag, from: 0, to: Buffer.byteLength(name) })
      const made = await storage.completeUpload(target, id, [part], { ifNoneMatch: '*' })
      expect(Buffer.from(await collectBytes(storage.read(target, 0, Buffer.byteLength(name), made))).toString()).toBe(name)
    }
    expect((await collectItems(storage.list(`${base}from/`))).map(({ uri }) => uri).toSorted()).toEqual(names.map((name) => `${base}from/${name}/${name}`).toSorted())
  })

  it('lists objects over several pages', async () => {
    const base = folder()
    const uris = Array.from({ length: 1_100 }, (_, i) => `${base}${String(i).padStart(4, '0')}`)
    await Promise.all(uris.map((uri) => storage.put(uri, new Uint8Array(0), { unconditional: true })))
    expect((await collectItems(storage.list(base))).map(({ uri }) => uri)).toEqual(uris)
  })

  it('checks the ETag also of an empty range', async () => {
    const uri = `${folder()}object`
    const etag = await storage.put(uri, Buffer.from('12345'), { ifNoneMatch: '*' })
    expect(await collectBytes(storage.read(uri, 2, 2, etag))).toHaveLength(0)
    await expect(collectBytes(storage.read(uri, 2, 2, '"another"'))).rejects.toMatchObject({ kind: 'PreconditionFailed' })
    await storage.remove(uri)
    await expect(collectBytes(storage.read(uri, 2, 2, etag))).rejects.toMatchObject({ kind: 'NotFound' })
  })

  it('refuses names that stores and proxies change, before it asks', async () => {
    for (const name of ['a//b', 'a/../b', './a', 'a/']) {
      const uri = `${folder()}${name}`
      const refused = { kind: 'Misused', code: 'UnsupportedURI' }
      await expect(storage.put(uri, Buffer.from('x'), { unconditional: true })).rejects.toMatchObject(refused)
      await expect(storage.head(uri)).rejects.toMatchObject(refused)
      await expect(collectBytes(storage.read(uri, 0, 1, '"x"'))).rejects.toMatchObject(refused)
    }
  })

  it('reads many objects at once, more than it opens connections', async () => {
    const base = folder()
    const content = Buffer.alloc(300_000, 7)
    const uris = Array.from({ length: 100 }, (_, i) => `${base}${i}`)
    const etags = await Promise.all(uris.map((uri) => storage.put(uri, content, { ifNoneMatch: '*' })))
    const sizes = await Promise.all(uris.map(async (uri, i) => (await collectBytes(storage.read(uri, 0, content.length, etags[i] ?? ''))).length))
    expect(new Set(sizes)).toEqual(new Set([content.length]))
  })

  it('reaches the store through a proxy, when it is given one', async () => {
    const proxy = await startForwardProxy()
    try {
      const { endpoint, region, accessKeyId, secretAccessKey } = server
      const proxied = new S3Storage({ endpoint, region, credentials: { accessKeyId, secretAccessKey }, proxyEnv: { HTTP_PROXY: proxy.url } })
      const uri = `${folder()}a b`
      const etag = await proxied.put(uri, Buffer.from('hello'), { ifNoneMatch: '*' })
      expect((await storage.head(uri))?.etag).toBe(etag)
      expect(proxy.seen).toEqual([expect.stringMatching(`^PUT ${endpoint}/.*/a%20b`)])
    } finally {
      await proxy.close()
    }
  })
})
