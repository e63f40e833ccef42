import { expect, it } from 'vitest'
import { MemoryStorage } from './memory-storage.ts'
import { describeStorageContract } from './storage-contract.ts'

describeStorageContract('MemoryStorage', () => Promise.resolve({ storage: new MemoryStorage(), root: 'memory://bucket/', cleanup: () => Promise.resolve() }))

it('names the uploads that were left open', async () => {
  const storage = new MemoryStorage()
  const uploadId = await storage.beginUpload('memory://a')
  expect(storage.openUploads()).toEqual([{ uri: 'memory://a', uploadId }])
  await storage.abortUpload('memory://a', uploadId)
  expect(storage.openUploads()).toEqual([])
})

it('stores what the buffer held when put was called', async () => {
  const storage = new MemoryStorage()
  const bytes = Buffer.from('before')
  const writing = storage.put('memory://a', bytes, { ifNoneMatch: '*' })
  bytes.fill(0)
  await writing
  expect(Buffer.from((await storage.get('memory://a'))?.bytes ?? []).toString()).toBe('before')
})

it('gives equal contents equal ETags, as S3 does: a ledger must not rely on more', async () => {
  const storage = new MemoryStorage()
  const first = await storage.put('memory://a', Buffer.from('x'), { unconditional: true })
  await storage.put('memory://a', Buffer.from('y'), { unconditional: true })
  expect(await storage.put('memory://a', Buffer.from('x'), { unconditional: true })).toBe(first)
})
