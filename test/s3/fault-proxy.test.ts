import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collectBytes, collectItems } from '../../runner/storage/collect.ts'
import type { Storage, WriteCondition } from '../../runner/storage/storage.ts'
import { scriptedFaults, seededFaults, startFaultProxy, type FaultKind, type FaultProxy, type FaultTarget } from './fault-proxy.ts'
import { storageOf } from './s3-place.ts'
import { startS3Server, type S3Server } from './versitygw.ts'

let server: S3Server
beforeAll(async () => {
  server = await startS3Server()
})
afterAll(() => server.close())

interface Under {
  /** Through the proxy, without retries. */
  readonly storage: Storage
  /** Straight to the server. */
  readonly direct: Storage
  readonly proxy: FaultProxy
  readonly folder: string
}

let folders = 0

/** Lets the next request of an operation meet a fault, whose delay is 200 ms. */
async function withFault(operation: FaultTarget['operation'], kind: FaultKind, test: (under: Under) => Promise<void>): Promise<void> {
  const proxy = await startFaultProxy(server.endpoint, scriptedFaults([{ kind, delayMs: 200 }], (target) => target.operation === operation))
  try {
    await test({ storage: storageOf(server, proxy.endpoint), direct: storageOf(server), proxy, folder: `s3://${server.bucket}/${++folders}/` })
    expect([...proxy.faults]).toEqual([[kind, 1]])
  } finally {
    await proxy.close()
  }
}

const CREATE: WriteCondition = { ifNoneMatch: '*' }

async function contentOf(storage: Storage, uri: string): Promise<string | null> {
  const got = await storage.get(uri)
  return got === null ? null : Buffer.from(got.bytes).toString()
}

describe('the fault proxy', () => {
  it('passes on what meets no fault, and counts requests by operation', async () => {
    await withFault('HeadObject', 'Latency', async ({ storage, proxy, folder }) => {
      const uri = `${folder}a b/größe?#%`
      const etag = await storage.put(uri, Buffer.from('hello'), CREATE)
      expect(await storage.head(uri)).toEqual({ uri, etag, size: 5 })
      expect(Buffer.from(await collectBytes(storage.read(uri, 1, 3, etag))).toString()).toBe('el')
      expect((await collectItems(storage.list(folder))).map((info) => info.uri)).toEqual([uri])
      const id = await storage.beginUpload(`${folder}upload`)
      const parts = [await storage.uploadPart(`${folder}upload`, id, 1, Buffer.alloc(6 * 1024 * 1024, 'x'))]
      parts.push(await storage.copyPart(`${folder}upload`, id, 2, { uri, ifMatch: etag, from: 0, to: 5 }))
      await storage.completeUpload(`${folder}upload`, id, parts, CREATE)
      await storage.remove(uri)
      expect(Object.fromEntries(proxy.requests)).toMatchObject({
        PutObject: 1, GetObject: 1, ListObjectsV2: 1, CreateMultipartUpload: 1, UploadPart: 1, UploadPartCopy: 1, CompleteMultipartUpload: 1, DeleteObject: 1,
      })
    })
  })

  for (const [kind, error, effect] of [
    ['InternalError', 'Unclear', null],
    ['SlowDown', 'Unclear', null],
    ['NeverArrived', 'Unclear', null],
    ['AnswerLost', 'Unclear', 'ours'],
    ['OwnSuccessMet', 'PreconditionFailed', 'ours'],
    ['Conflict', 'PreconditionFailed', null],
  ] as const) {
    it(`${kind}: a conditional write fails as ${error} and ${effect === null ? 'has no effect' : 'takes effect'}`, async () => {
      await withFault('PutObject', kind, async ({ storage, direct, folder }) => {
        await expect(storage.put(`${folder}x`, Buffer.from('ours'), CREATE)).rejects.toMatchObject({ name: 'StorageError', kind: error })
        expect(await contentOf(direct, `${folder}x`)).toBe(effect)
      })
    })
  }

  it('ArrivesLate: a write takes effect after its client has given up, if its condition then holds', async () => {
    for (const overtaken of [false, true]) {
      await withFault('PutObject', 'ArrivesLate', async ({ storage, direct, proxy, folder }) => {
        await expect(storage.put(`${folder}x`, Buffer.from('late'), CREATE)).rejects.toMatchObject({ kind: 'Unclear' })
        if (overtaken) await direct.put(`${folder}x`, Buffer.from('other'), CREATE)
        await proxy.settled()
        expect(await contentOf(direct, `${folder}x`)).toBe(overtaken ? 'other' : 'late')
      })
    }
  })

  it('OwnSuccessMet: a write that has no success of its own gets its own answer', async () => {
    await withFault('PutObject', 'OwnSuccessMet', async ({ storage, direct, folder }) => {
      await direct.put(`${folder}x`, Buffer.from('first'), CREATE)
      await expect(storage.put(`${folder}x`, Buffer.from('ours'), CREATE)).rejects.toMatchObject({ kind: 'PreconditionFailed' })
      expect(await contentOf(direct, `${folder}x`)).toBe('first')
    })
  })

  it('CutMidBody: half of the answer arrives', async () => {
    await withFault('GetObject', 'CutMidBody', async ({ storage, direct, folder }) => {
      const bytes = Buffer.alloc(1_000_000, 'abcdefg')
      const etag = await direct.put(`${folder}x`, bytes, CREATE)
      const pieces: Uint8Array[] = []
      const reading = async () => {
        for await (const piece of storage.read(`${folder}x`, 0, bytes.length, etag)) pieces.push(piece)
      }
      await expect(reading()).rejects.toMatchObject({ name: 'StorageError', kind: 'Unavailable' })
      const got = Buffer.concat(pieces)
      expect(got.length).toBeGreaterThan(0)
      expect(got.length).toBeLessThanOrEqual(500_000)
      expect(Buffer.compare(got, bytes.subarray(0, got.length))).toBe(0)
    })
  })
})

describe('seededFaults', () => {
  const options = { rate: 0.3, latencyMs: 10, lateMs: 100 }
  const targets = Array.from({ length: 3_000 }, (_, i): FaultTarget => ({ operation: i % 2 === 0 ? 'PutObject' : 'GetObject', method: i % 2 === 0 ? 'PUT' : 'GET', target: `/catalog/${i % 100}`, conditionalWrite: i % 2 === 0 }))
  const faultsOf = (seed: string) => targets.map(seededFaults({ seed, ...options }))

  it('gives the same faults to the same requests, and others by another seed', () => {
    expect(faultsOf('a')).toEqual(faultsOf('a'))
    expect(faultsOf('a')).not.toEqual(faultsOf('b'))
  })

  it('keeps to the rate and to the faults that can befall a request', () => {
    const faults = faultsOf('a')
    const rate = faults.filter((fault) => fault !== null).length / targets.length
    expect(rate).toBeGreaterThan(0.25)
    expect(rate).toBeLessThan(0.35)
    const kindsOf = (parity: number) => new Set(faults.flatMap((fault, i) => (i % 2 === parity && fault !== null ? [fault.kind] : [])))
    expect([...kindsOf(0)].toSorted()).toEqual(['AnswerLost', 'ArrivesLate', 'Conflict', 'InternalError', 'Latency', 'NeverArrived', 'OwnSuccessMet', 'SlowDown'])
    expect([...kindsOf(1)].toSorted()).toEqual(['AnswerLost', 'CutMidBody', 'InternalError', 'Latency', 'NeverArrived', 'SlowDown'])
  })
})
