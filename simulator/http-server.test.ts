import { connect } from 'node:net'
import OpenAI, { toFile } from 'openai'
import type { Batch } from 'openai/resources/batches'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseBehaviour } from './behaviour.ts'
import { listen, type SimulatorServer } from './http-server.ts'
import { MemoryStore } from './memory-store.ts'
import { ProviderSimulator } from './provider-simulator.ts'
import { chatRow, parseLines } from './virtual-provider.ts'

const HOUR = 3_600_000
let now = 0
let server: SimulatorServer
let client: OpenAI
const errors: unknown[] = []

async function start(behaviour: unknown): Promise<void> {
  const simulator = new ProviderSimulator({ clock: { now: () => now }, store: new MemoryStore(), behaviour: parseBehaviour(behaviour) })
  server = await listen(simulator, { port: 0, onError: (error) => errors.push(error) })
  client = new OpenAI({ apiKey: 'sk-test', baseURL: `${server.url}/v1`, maxRetries: 0 })
}

beforeEach(async () => {
  now = 1_700_000_000_000
  await start({ inProgressSeconds: 3600, rows: { serverError: 0.2 } })
})
afterEach(async () => {
  await server.close(1000)
  expect(errors.splice(0)).toEqual([])
})

const lines = (count: number): string => Array.from({ length: count }, (_, n) => `${chatRow(`row-${n}`, `What is ${n}?`)}\n`).join('')

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

async function submit(count: number): Promise<Batch> {
  const file = await client.files.create({ file: await toFile(Buffer.from(lines(count)), 'rows.jsonl'), purpose: 'batch' })
  return client.batches.create({ input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h', metadata: { job: 'a' } })
}

describe("the openai package's client", () => {
  it('uploads, lists, reads and deletes files', async () => {
    const expiry = { anchor: 'created_at', seconds: 7200 } as const
    const file = await client.files.create({ file: await toFile(Buffer.from(lines(50)), 'rows.jsonl'), purpose: 'batch', expires_after: expiry })
    expect(file).toMatchObject({ object: 'file', filename: 'rows.jsonl', bytes: Buffer.byteLength(lines(50)), purpose: 'batch', expires_at: 1_700_007_200 })
    expect(await client.files.retrieve(file.id)).toEqual(file)
    expect(await (await client.files.content(file.id)).text()).toBe(lines(50))
    now += 5000
    const vision = await client.files.create({ file: await toFile(Buffer.from('png'), 'a.png'), purpose: 'vision' })
    const ids = async (query: OpenAI.FileListParams): Promise<string[]> => (await collect(client.files.list(query))).map((each) => each.id)
    expect(await ids({})).toEqual([vision.id, file.id])
    expect(await ids({ order: 'asc', limit: 1 })).toEqual([file.id, vision.id])
    expect(await ids({ purpose: 'batch' })).toEqual([file.id])
    expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true })
    await expect(client.files.retrieve(file.id)).rejects.toMatchObject({ status: 404, type: 'invalid_request_error' })
    expect(await ids({})).toEqual([vision.id])
  })

  it('creates a batch, polls it and downloads output and error file', async () => {
    const created = await submit(100)
    expect(created).toMatchObject({ object: 'batch', status: 'validating', metadata: { job: 'a' }, completion_window: '24h' })
    now += 2 * HOUR
    const batch = await client.batches.retrieve(created.id)
    expect(batch.status).toBe('completed')
    const read = async (id = ''): Promise<{ custom_id: string }[]> => parseLines(await (await client.files.content(id)).text())
    const [output, failed] = [await read(batch.output_file_id), await read(batch.error_file_id)]
    expect(batch.request_counts).toEqual({ total: 100, completed: output.length, failed: failed.length })
    expect(failed.length).toBeGreaterThan(5)
    expect(new Set([...output, ...failed].map((line) => line.custom_id)).size).toBe(100)
    const bill = await (await fetch(`${server.url}/simulator/bill`)).text()
    expect(parseLines<{ billed: boolean }>(bill).filter((line) => line.billed)).toHaveLength(output.length)
  })

  it('pages through batches, newest first', async () => {
    const created: string[] = []
    for (let n = 0; n < 7; n += 1) {
      created.unshift((await submit(1)).id)
      now += 400
    }
    const first = await client.batches.list({ limit: 3 })
    expect(first.has_more).toBe(true)
    expect((await collect(client.batches.list({ limit: 3 }))).map((batch) => batch.id)).toEqual(created)
    expect((await collect(client.batches.list({ after: created[4] ?? '' }))).map((batch) => batch.id)).toEqual(created.slice(5))
    await expect(client.batches.list({ limit: 101 })).rejects.toMatchObject({ status: 400, code: 'integer_above_max_value', param: 'limit' })
    await expect(client.batches.list({ limit: 0 })).rejects.toMatchObject({ status: 400, code: 'integer_below_min_value' })
    await expect(client.batches.list({ after: 'batch_none' })).rejects.toMatchObject({ status: 400, param: 'after' })
  })

  it('cancels a batch', async () => {
    const { id } = await submit(10)
    expect((await client.batches.cancel(id)).status).toBe('cancelling')
    now += HOUR
    expect((await client.batches.retrieve(id)).status).toBe('cancelled')
    await expect(client.batches.cancel(id)).rejects.toMatchObject({ status: 409 })
  })

  it('gets the errors that OpenAI gives', async () => {
    await expect(client.batches.retrieve('batch_none')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
    await expect(client.files.content('file-none')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
    await expect(client.models.list()).rejects.toMatchObject({ status: 404, error: { message: 'Invalid URL (GET /v1/models)', param: null, code: null } })
    const unnamed = { input_file_id: 'file-none', endpoint: '/v1/chat/completions', completion_window: '24h' } as const
    await expect(client.batches.create(unnamed)).rejects.toMatchObject({ status: 404, param: 'input_file_id' })
    await expect(client.post('/batches', { body: {} })).rejects.toMatchObject({ status: 400, code: 'missing_required_parameter', param: 'input_file_id' })
    const headers = { authorization: 'Bearer sk', 'content-type': 'application/json' }
    expect((await fetch(`${server.url}/v1/batches`, { method: 'POST', headers, body: '{' })).status).toBe(400)
    const anonymous = await fetch(`${server.url}/v1/batches`)
    expect(anonymous.status).toBe(401)
    expect(await anonymous.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
  })

  it('is told organization, request and the simulator\'s own time', async () => {
    const { response } = await client.batches.list().withResponse()
    expect(response.headers.get('openai-organization')).toBe('org-simulated')
    expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/)
    expect(response.headers.get('date')).toBe('Tue, 14 Nov 2023 22:13:20 GMT')
  })

  it('gets the refusal of an upload whose body nobody wants', async () => {
    const stranger = new OpenAI({ apiKey: 'two words', baseURL: `${server.url}/v1`, maxRetries: 0 })
    const upload = stranger.files.create({ file: await toFile(Buffer.alloc(3_000_000), 'rows.jsonl'), purpose: 'batch' })
    await expect(upload).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
  })
})

describe('connections', () => {
  const setHold = async (call: string, when: string): Promise<string> => {
    const response = await fetch(`${server.url}/simulator/holds`, { method: 'POST', body: JSON.stringify({ call, when }) })
    const hold: unknown = await response.json()
    return typeof hold === 'object' && hold !== null && 'id' in hold ? String(hold.id) : ''
  }
  const endHold = async (id: string, how: string): Promise<void> => {
    expect((await fetch(`${server.url}/simulator/holds/${id}/${how}`, { method: 'POST' })).status).toBe(200)
  }
  const isHolding = async (): Promise<boolean> => (await (await fetch(`${server.url}/simulator/holds`)).text()).includes('"holding"')

  it('are cut when a held call is dropped', async () => {
    const id = await setHold('POST /v1/batches', 'after')
    const refused = expect(submit(1)).rejects.toBeInstanceOf(OpenAI.APIConnectionError)
    await expect.poll(isHolding).toBe(true)
    await endHold(id, 'drop')
    await refused
    expect((await client.batches.list()).data).toHaveLength(1)
  })

  it('need not outlive a held create for it to take effect', async () => {
    const file = await client.files.create({ file: await toFile(Buffer.from(lines(1)), 'rows.jsonl'), purpose: 'batch' })
    const id = await setHold('POST /v1/batches', 'before')
    const aborted = new AbortController()
    const request = { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' } as const
    const refused = expect(client.batches.create(request, { signal: aborted.signal })).rejects.toBeInstanceOf(OpenAI.APIUserAbortError)
    await expect.poll(isHolding).toBe(true)
    aborted.abort()
    await refused
    expect((await client.batches.list()).data).toHaveLength(0)
    await endHold(id, 'release')
    await expect.poll(async () => (await client.batches.list()).data.length).toBe(1)
  })

  it('that break during an upload leave no file', async () => {
    const headers = ['Host: x', 'Authorization: Bearer sk', 'Content-Type: multipart/form-data; boundary=edge', 'Content-Length: 1000000']
    const head = `POST /v1/files HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`
    const part = '--edge\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    const { port } = new URL(server.url)
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1')
      socket.once('error', reject)
      socket.once('close', () => resolve())
      socket.write(head + part + 'x'.repeat(10_000), () => socket.destroy())
    })
    expect((await client.files.list()).data).toEqual([])
  })

  it('carry a file that is cut halfway as a broken body', async () => {
    await server.close(1000)
    await start({ faults: [{ call: 'GET /v1/files/{id}/content', when: 'after' }] })
    const file = await client.files.create({ file: await toFile(Buffer.from(lines(500)), 'rows.jsonl'), purpose: 'batch' })
    const content = await client.files.content(file.id)
    await expect(content.text()).rejects.toThrow()
    expect(await (await client.files.content(file.id)).text()).toBe(lines(500))
  })
})
