import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../runner/ports/system-clock.ts'
import { systemRandom } from '../../runner/ports/system-random.ts'
import { collectItems } from '../../runner/storage/collect.ts'
import { ensureProbed } from '../../runner/storage/probe.ts'
import { retryingStorage } from '../../runner/storage/retrying-storage.ts'
import { seededFaults, startFaultProxy } from './fault-proxy.ts'
import { storageOf } from './s3-place.ts'
import { startS3Server, type S3Server } from './versitygw.ts'
import { startWeakStore, type Weakness } from './weak-store.ts'

let server: S3Server
beforeAll(async () => {
  server = await startS3Server()
})
afterAll(() => server.close())

/** Probes the bucket's folder through `endpoint`, as the runner does. */
async function probe(folder: string, endpoint: string): Promise<void> {
  const ports = { clock: systemClock, random: systemRandom }
  await ensureProbed({ ...ports, storage: retryingStorage(storageOf(server, endpoint), ports) }, workOf(folder))
}

function workOf(folder: string): string {
  return `s3://${server.bucket}/${folder}/`
}

async function left(folder: string): Promise<string[]> {
  return (await collectItems(storageOf(server).list(workOf(folder)))).map(({ uri }) => uri)
}

/** What the user is told of each weak store. */
const WEAK: Readonly<Record<Weakness, RegExp>> = {
  stripIfNoneMatch: /^If-None-Match: \* on PutObject lets [2-8] of 8 writers at once create the same object, instead of one, in round \d+: s3:\/\/catalog\/stripIfNoneMatch\/probe\/[0-9a-f]+-round-\d+$/,
  stripIfMatch: /^If-Match on PutObject lets [2-8] of 8 writers at once replace the same version of an object, instead of one, in round \d+: s3:/,
  checkThenWrite: /^If-None-Match: \* on PutObject lets [2-8] of 8 writers at once create the same object, instead of one, in round \d+: s3:/,
  ignoreIfMatchOnComplete: /^If-Match on CompleteMultipartUpload is not heeded: an upload that was to replace the version \S+ replaced a later one: s3:/,
  ignoreIfNoneMatchOnComplete: /^If-None-Match: \* on CompleteMultipartUpload is not heeded: an upload replaced an object that existed: s3:/,
  ignoreCopySourceIfMatch: /^x-amz-copy-source-if-match on UploadPartCopy is not heeded: a part of the version \S+ was copied from a later one: s3:/,
  ignoreIfMatchOnGet: /^If-Match on GetObject is not heeded: a read of the version \S+ was answered from a later one: s3:/,
  ignoreRange: /^The store answered a request for bytes \[100, 200\) with other bytes: it does not serve ranges: s3:/,
}

describe('ensureProbed on S3', () => {
  it('passes versitygw, and leaves only a note of it', async () => {
    await probe('sound', server.endpoint)
    expect(await left('sound')).toEqual([`${workOf('sound')}probe-passed`])
  })

  it('passes versitygw behind a network and a store that fail', async () => {
    const proxy = await startFaultProxy(server.endpoint, seededFaults({ seed: 'probe', rate: 0.1, latencyMs: 50, lateMs: 500 }))
    try {
      await probe('faulty', proxy.endpoint)
      expect(await left('faulty')).toContain(`${workOf('faulty')}probe-passed`)
      expect(proxy.faults.size).toBeGreaterThan(5)
    } finally {
      await proxy.close()
    }
  })

  for (const [weakness, message] of Object.entries(WEAK) as [Weakness, RegExp][]) {
    it(`refuses a store that is weak (${weakness}) and names its fault`, async () => {
      const weak = await startWeakStore(server, weakness)
      try {
        await expect(probe(weakness, weak.endpoint)).rejects.toMatchObject({ code: 'StorageUnsuitable', message: expect.stringMatching(message) as string })
        expect(await left(weakness)).toEqual([])
      } finally {
        await weak.close()
      }
    })
  }

  it('needs races to find a store out that checks first and writes then', async () => {
    const weak = await startWeakStore(server, 'checkThenWrite')
    try {
      const storage = storageOf(server, weak.endpoint)
      const uri = `${workOf('sequential')}object`
      const etag = await storage.put(uri, Buffer.from('first'), { ifNoneMatch: '*' })
      await expect(storage.put(uri, Buffer.from('x'), { ifNoneMatch: '*' })).rejects.toMatchObject({ kind: 'PreconditionFailed' })
      await storage.put(uri, Buffer.from('second'), { ifMatch: etag })
      await expect(storage.put(uri, Buffer.from('x'), { ifMatch: etag })).rejects.toMatchObject({ kind: 'PreconditionFailed' })
    } finally {
      await weak.close()
    }
  })
})
