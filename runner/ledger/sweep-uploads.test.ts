import { expect, it } from 'vitest'
import { MemoryStorage } from '../storage/memory-storage.ts'
import { ledgerFolders } from './ledger-folders.ts'
import { sweepUploads } from './sweep-uploads.ts'

const WORK = 'memory://bucket/work/'

it('aborts what earlier epochs of the ledger left open, and nothing else', async () => {
  const storage = new MemoryStorage()
  const begin = async (key: string) => ({ uri: WORK + key, uploadId: await storage.beginUpload(WORK + key) })
  await begin('segments/aa/e1-s3-n.jsonl')
  await begin('parts/aa/e2-s9-n.part')
  const kept = [await begin('segments/aa/e3-s10-n.jsonl'), await begin('segments/bb/e1-s1-n.jsonl'), await begin('segments/aa/other')]
  expect(await sweepUploads(storage, ledgerFolders(WORK, 'aa'), 3)).toBe(2)
  expect(storage.openUploads()).toEqual(kept)
})
