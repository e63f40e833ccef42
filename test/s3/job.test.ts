import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { childrenOf, FILES, JobFolder } from '../kill/job-folder.ts'
import { seededFaults, startFaultProxy } from './fault-proxy.ts'
import { s3Place, storageOf } from './s3-place.ts'
import { bodyOf, endToEndHeaders, forward, relay, startS3Proxy } from './s3-proxy.ts'
import { startS3Server, type S3Server } from './versitygw.ts'
import { startWeakStore } from './weak-store.ts'

let server: S3Server
const folders: JobFolder[] = []
let places = 0

beforeAll(async () => {
  server = await startS3Server()
})
afterAll(() => server.close())
afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove()
})

async function makeFolder(files: readonly string[] = Object.values(FILES), endpoint = server.endpoint): Promise<JobFolder> {
  const folder = await JobFolder.make(files, () => s3Place(server, `job ${++places}`, endpoint))
  folders.push(folder)
  return folder
}

describe('a job on S3', () => {
  it('ends with every row answered and billed once; a second run asks nothing and writes nothing', { timeout: 120_000 }, async () => {
    const folder = await makeFolder()
    const first = await folder.finish()
    expect(first.stdout).toContain(`files in ${folder.place.root}out/`)
    await folder.expectRight()
    const before = await etagsBelow(`${folder.place.root}out/`)
    const second = await folder.finish()
    expect(second.stdout).toContain('Already complete')
    await folder.expectRight()
    expect(await etagsBelow(`${folder.place.root}out/`)).toEqual(before)
  })
})

describe('names on S3', () => {
  it('are taken as they stand, from the listing to the output', { timeout: 60_000 }, async () => {
    const folder = await makeFolder([])
    await folder.addInput(FILES.shape, 'year=2026/größe 1+2 %20#?&.parquet')
    await folder.addInput(FILES.feeling, 'year=2026/Gro\u0308ße/価格 🙂.parquet')
    await folder.finish()
    await folder.expectRight()
  })
})

describe('a store that leaves the quotes of ETags out in XML', () => {
  it('has one identity for a file, whether it was listed or named: its rows are billed once', { timeout: 60_000 }, async () => {
    const proxy = await startS3Proxy(async ({ request, body, response }) => {
      const answer = await forward(server.endpoint, request, body)
      if (!/xml/.test(answer.headers['content-type'] ?? '')) return await relay(answer, response)
      const xml = (await bodyOf(answer, 1024 * 1024)).toString().replaceAll(/(?<=<ETag>)(?:&#34;|&quot;|")|(?:&#34;|&quot;|")(?=<\/ETag>)/g, '')
      response.writeHead(answer.statusCode ?? 500, { ...endToEndHeaders(answer.headers), 'content-length': String(Buffer.byteLength(xml)) }).end(xml)
    })
    try {
      const folder = await makeFolder([FILES.shape], proxy.endpoint)
      await folder.finish()
      folder.writeManifest(folder.manifest().replace('data/**/*.parquet', `data/${FILES.shape}`))
      expect((await folder.finish()).stdout).toContain('Already complete')
      await folder.expectRight()
      expect(proxy.requests.get('ListObjectsV2')).toBeGreaterThan(0)
    } finally {
      await proxy.close()
    }
  })
})

describe('kill -9 of the S3 server in mid-job, and its return', () => {
  for (const [afterMs, outageMs, isNoticed] of [[600, 500, false], [1_200, 8_000, true], [1_800, 1_000, false], [2_400, 2_000, false], [3_000, 15_000, false], [3_600, 500, false]] as const) {
    it(`after ${afterMs} ms for ${outageMs} ms: the job goes on by itself, and each row is billed once`, { timeout: 120_000 }, async () => {
      const folder = await makeFolder()
      const run = folder.start()
      await sleep(afterMs)
      await server.kill()
      await sleep(outageMs)
      await server.restart()
      const end = await run.ended
      expect(end.code, end.stderr).toBe(0)
      if (isNoticed) expect(end.stderr).toMatch(/^waiting: s3:\w+: /m)
      await folder.expectRight()
    })
  }
})

describe('kill -9 on S3', () => {
  for (const [victim, afterMs] of [['run', 900], ['runner', 1_400], ['run', 1_900], ['runner', 2_400], ['run', 2_900]] as const) {
    it(`of the ${victim} after ${afterMs} ms: the next run finishes, and each row is billed once`, { timeout: 60_000 }, async () => {
      const folder = await makeFolder()
      const run = folder.start()
      await sleep(afterMs)
      const pid = victim === 'run' ? run.pid : childrenOf(run.pid ?? 0).at(-1)
      // It may have ended by itself just now.
      if (pid !== undefined) process.kill(pid, 'SIGKILL')
      await run.ended
      await folder.finish()
      await folder.expectRight()
    })
  }
})

describe('a job behind a network and a store that fail', () => {
  for (const seed of ['one', 'two', 'three']) {
    it(`in 5 % of requests (seed ${seed}) ends right, and each row is billed once`, { timeout: 120_000 }, async () => {
      const proxy = await startFaultProxy(server.endpoint, seededFaults({ seed, rate: 0.05, latencyMs: 200, lateMs: 1_000 }))
      try {
        const folder = await makeFolder(Object.values(FILES), proxy.endpoint)
        await folder.finish()
        await proxy.settled()
        await folder.expectRight()
        expect(proxy.faults.size, 'kinds of faults that happened').toBeGreaterThan(3)
      } finally {
        await proxy.close()
      }
    })
  }
})

describe('a store that does not keep its word', () => {
  for (const [weakness, words] of [
    ['stripIfMatch', 'If-Match on PutObject lets'],
    ['checkThenWrite', 'writers at once create the same object, instead of one'],
  ] as const) {
    it(`is refused before anything is asked (${weakness})`, { timeout: 60_000 }, async () => {
      const weak = await startWeakStore(server, weakness)
      try {
        const folder = await makeFolder([FILES.shape], weak.endpoint)
        const end = await folder.start().ended
        expect(end.code).toBe(64)
        expect(end.stderr).toContain('StorageUnsuitable')
        expect(end.stderr).toContain(words)
        expect(await folder.bill()).toEqual([])
        expect(await folder.calls()).toEqual({})
      } finally {
        await weak.close()
      }
    })
  }
})

describe('a multipart upload that a dead runner left', () => {
  it('is found and aborted by the next one of its shard', { timeout: 60_000 }, async () => {
    const folder = await makeFolder([FILES.shape])
    const hold = await folder.hold('GET /v1/files/{id}/content', 'before')
    const run = folder.start()
    await folder.untilHeld(hold)
    const storage = storageOf(server)
    const work = `${folder.place.root}work/`
    const ledger = (await openLedger(`${work}ledgers/`)).replace(/^.*\/|\.json$/g, '')
    const uri = `${work}segments/${ledger}/e1-s1-left.jsonl`
    await storage.uploadPart(uri, await storage.beginUpload(uri), 1, Buffer.from('answers'))
    process.kill(run.pid ?? 0, 'SIGKILL')
    await run.ended
    await folder.endHold(hold, 'drop')
    await folder.finish()
    await folder.expectRight()
    expect(await storage.listUploads(uri)).toEqual([])
  })
})

describe('the S3 example', () => {
  it('runs as it is shown, save for its endpoint, and keeps its work at the root of the bucket', { timeout: 120_000 }, async () => {
    const folder = await makeFolder([])
    const manifest = readFileSync(new URL('../../examples/s3/job.yaml', import.meta.url), 'utf8')
    const wordnet = readFileSync(new URL('../../examples/wordnet/wordnet.parquet', import.meta.url))
    await storageOf(server).put(`s3://${server.bucket}/wordnet/wordnet.parquet`, wordnet, { unconditional: true })
    const endpoint = /endpoint: "?(https?:\/\/[^"\s]+)/.exec(manifest)?.[1]
    expect(endpoint, 'endpoint of the example').toBeDefined()
    folder.writeManifest(manifest.replaceAll(endpoint ?? '', server.endpoint))
    const end = await folder.finish()
    expect(end.stdout).toContain('35,544 rows')
    expect((await folder.bill()).filter((line) => line.billed)).toHaveLength(35_544)
    expect([...(await etagsBelow(`s3://${server.bucket}/.llmbatch/plans/`)).keys()]).toHaveLength(1)
  })
})

async function etagsBelow(prefix: string): Promise<Map<string, string>> {
  const etags = new Map<string, string>()
  for await (const { uri, etag } of storageOf(server).list(prefix)) etags.set(uri, etag)
  return etags
}

/** The one ledger that has a batch at the provider. */
async function openLedger(prefix: string): Promise<string> {
  const open: string[] = []
  const storage = storageOf(server)
  for await (const { uri } of storage.list(prefix)) {
    const ledger = await storage.get(uri)
    if (ledger !== null && Buffer.from(ledger.bytes).includes('"state":"Created"')) open.push(uri)
  }
  const [uri] = open
  if (uri === undefined || open.length > 1) throw new Error(`not one open ledger: ${open.join()}`)
  return uri
}
