import type { Batch } from 'openai/resources/batches'
import type { FileObject } from 'openai/resources/files'
import { describe, expect, it } from 'vitest'
import { MemoryStore } from './memory-store.ts'
import { chatRow, VirtualProvider } from './virtual-provider.ts'

const HOUR = 3_600_000
const SLOW = { validatingSeconds: 60, inProgressSeconds: 3600, finalizingSeconds: 30, cancellingSeconds: 10 }

const rows = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => chatRow(`row-${from + index}`, `What is ${from + index}?`))

describe('creating a batch', () => {
  it('needs an input file that exists and is meant for batches', async () => {
    const provider = new VirtualProvider()
    const vision = (await provider.upload(['x'], { purpose: 'vision' })).json()
    const deleted = (await provider.upload(rows(1))).json()
    await provider.call('DELETE', `/v1/files/${deleted.id}`)
    expect(await provider.createBatch('file-none')).toMatchObject({ status: 404 })
    expect(await provider.createBatch(deleted.id)).toMatchObject({ status: 404 })
    expect(await provider.createBatch(vision.id)).toMatchObject({ status: 400 })
  })

  it.each([
    ['no endpoint', { endpoint: undefined }, 'endpoint'],
    ['another endpoint', { endpoint: '/v1/videos' }, 'endpoint'],
    ['another window', { completion_window: '48h' }, 'completion_window'],
    ['17 metadata pairs', { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v'])) }, 'metadata'],
    ['a metadata key of 65 characters', { metadata: { ['k'.repeat(65)]: 'v' } }, 'metadata'],
    ['a metadata value of 513 characters', { metadata: { k: 'v'.repeat(513) } }, 'metadata.k'],
    ['a metadata value that is no string', { metadata: { k: 1 } }, 'metadata.k'],
    ['an expiry under an hour', { output_expires_after: { anchor: 'created_at', seconds: 3599 } }, 'output_expires_after.seconds'],
  ])('is refused with %s', async (_what, more, param) => {
    const provider = new VirtualProvider()
    const file = (await provider.upload(rows(1))).json()
    const answer = await provider.createBatch(file.id, more)
    expect(answer.status).toBe(400)
    expect(answer.json()).toMatchObject({ error: { type: 'invalid_request_error', param } })
    expect((await provider.state()).batches.created).toBe(0)
  })

  it('keeps metadata at its limits', async () => {
    const provider = new VirtualProvider()
    const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`${n}`.padEnd(64, 'k'), 'v'.repeat(512)]))
    const file = (await provider.upload(rows(1))).json()
    expect((await provider.createBatch(file.id, { metadata })).json().metadata).toEqual(metadata)
  })
})

describe('files', () => {
  it('vanish when they expire', async () => {
    const provider = new VirtualProvider()
    const file = (await provider.upload(rows(1), { purpose: 'batch', 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': '3600' })).json()
    expect(file.expires_at).toBe(file.created_at + 3600)
    provider.now += HOUR - 1
    expect((await provider.call('GET', `/v1/files/${file.id}/content`)).status).toBe(200)
    provider.now += 1
    expect((await provider.call('GET', `/v1/files/${file.id}/content`)).status).toBe(404)
    expect((await provider.call<{ data: FileObject[] }>('GET', '/v1/files')).json().data).toEqual([])
    expect(await provider.createBatch(file.id)).toMatchObject({ status: 404 })
  })

  it('of a batch live as long as the create says', async () => {
    const provider = new VirtualProvider()
    const input = (await provider.upload(rows(1))).json()
    const { id } = (await provider.createBatch(input.id, { output_expires_after: { anchor: 'created_at', seconds: 3600 } })).json()
    provider.now += 10_000
    const output = (await provider.batch(id)).output_file_id ?? ''
    expect((await provider.call<FileObject>('GET', `/v1/files/${output}`)).json()).toMatchObject({ purpose: 'batch_output' })
    provider.now += HOUR
    expect(await provider.call('GET', `/v1/files/${output}`)).toMatchObject({ status: 404 })
  })

  it.each([
    ['no purpose', {}, 'rows.jsonl'],
    ['an unknown purpose', { purpose: 'fun' }, 'rows.jsonl'],
    ['a batch file that is not .jsonl', { purpose: 'batch' }, 'rows.txt'],
    ['an expiry without anchor', { purpose: 'batch', 'expires_after[seconds]': '3600' }, 'rows.jsonl'],
    ['an expiry of a minute', { purpose: 'batch', 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': '60' }, 'rows.jsonl'],
  ])('are refused with %s', async (_what, fields, filename) => {
    const provider = new VirtualProvider()
    expect((await provider.upload(rows(1), fields, filename)).status).toBe(400)
    expect((await provider.state()).files.created).toBe(0)
  })
})

describe('accounts', () => {
  it('see their own files and batches only, and are named in each answer', async () => {
    const provider = new VirtualProvider({ apiKeys: { 'sk-a': 'org-a', 'sk-a2': 'org-a', 'sk-b': 'org-b' } })
    provider.apiKey = 'sk-a'
    const created = await provider.submit(rows(1))
    provider.apiKey = 'sk-b'
    expect(await provider.call('GET', `/v1/batches/${created.id}`)).toMatchObject({ status: 404, headers: { 'openai-organization': 'org-b' } })
    expect(await provider.createBatch(created.input_file_id)).toMatchObject({ status: 404 })
    provider.apiKey = 'sk-a2'
    expect(await provider.call('GET', `/v1/batches/${created.id}`)).toMatchObject({ status: 200, headers: { 'openai-organization': 'org-a' } })
    provider.apiKey = 'sk-c'
    expect(await provider.call('GET', '/v1/batches')).toMatchObject({ status: 401 })
  })
})

describe('lists', () => {
  it('leave out batches that are younger than the lag', async () => {
    const provider = new VirtualProvider({ listLagSeconds: 60 })
    const { id } = await provider.submit(rows(1))
    const listed = async (): Promise<string[]> => (await provider.call<{ data: Batch[] }>('GET', '/v1/batches')).json().data.map((batch) => batch.id)
    provider.now += 59_999
    expect(await listed()).toEqual([])
    provider.now += 1
    expect(await listed()).toEqual([id])
  })
})

describe('the whole', () => {
  const story = async (store: MemoryStore): Promise<string> => {
    const provider = new VirtualProvider({ seed: 7, rows: { expired: 0.1, refused: 0.1, serverError: 0.1 } }, store)
    const texts: string[] = []
    for (let n = 0; n < 3; n += 1) {
      const { id } = await provider.submit(rows(30, n * 30))
      provider.now += 700
      texts.push(JSON.stringify(await provider.batch(id)))
    }
    provider.now += 25 * HOUR
    texts.push((await provider.call('GET', '/v1/batches')).text, (await provider.call('GET', '/simulator/bill')).text)
    return texts.join('\n')
  }

  it('is the same every time, and other for another state', async () => {
    expect(await story(new MemoryStore())).toBe(await story(new MemoryStore()))
    expect(await story(new MemoryStore('one'))).not.toBe(await story(new MemoryStore('two')))
  })

  it('waits for nothing but microtasks, so that a simulation in one process can tell when all is quiet', async () => {
    let hasTurned = false
    setImmediate(() => (hasTurned = true))
    await story(new MemoryStore())
    expect(hasTurned).toBe(false)
  })

  it('goes on in another simulator over the same state', async () => {
    const store = new MemoryStore()
    const first = new VirtualProvider(SLOW, store)
    const { id, input_file_id } = await first.submit(rows(10))
    first.now += 61_000
    expect((await first.batch(id)).status).toBe('in_progress')
    const second = new VirtualProvider({ rows: { serverError: 1 } }, store)
    second.now = first.now + 2 * HOUR
    expect(await second.batch(id)).toMatchObject({ status: 'completed', request_counts: { completed: 10 } })
    expect((await second.submit(rows(1))).input_file_id).not.toBe(input_file_id)
    expect(await second.bill()).toHaveLength(10)
  })

  it('bills nothing twice however often it is asked', async () => {
    const provider = new VirtualProvider()
    await provider.submit(rows(10))
    provider.now += 10_000
    expect(await provider.bill()).toEqual(await provider.bill())
    expect(await provider.state()).toMatchObject({ attempts: 10, batches: { open: 0, created: 1, byStatus: { completed: 1 } } })
  })
})
