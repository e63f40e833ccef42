import { describe, expect, it } from 'vitest'
import { VirtualProvider } from '../../simulator/virtual-provider.ts'
import { SleepingClock } from '../ledger/testdata/test-ports.ts'
import { collectItems } from '../storage/collect.ts'
import type { BatchProvider, CallResult, ProviderBatch } from './batch-provider.ts'
import type { RequestOutcome } from './failure-class.ts'
import { limitsOf } from './limits.ts'
import { makeOpenAIBatchProvider } from './openai-batch-provider.ts'
import { simulatedHttp } from './testdata/simulated-wire.ts'

const SPEC = { provider: { type: 'Simulated' as const, baseURL: 'http://simulator/v1' }, request: { model: 'gpt-5-mini', prompt: '{{a}}' } }
const LIMITS = limitsOf(SPEC.provider)

function connect(behaviour: unknown = {}, apiKey = 'sk-test'): { readonly simulator: VirtualProvider; readonly provider: BatchProvider; readonly later: (seconds: number) => void } {
  const simulator = new VirtualProvider(behaviour)
  const provider = makeOpenAIBatchProvider(SPEC, { http: simulatedHttp(simulator), clock: new SleepingClock() }, apiKey, LIMITS)
  return { simulator, provider, later: (seconds) => (simulator.now += seconds * 1000) }
}

function valueOf<T>(result: CallResult<T>): T {
  if (result.kind !== 'Accepted') throw new Error(JSON.stringify(result))
  return result.value
}

async function* spooled(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield await Promise.resolve(bytes.subarray(at, at + 1000))
}

async function upload(provider: BatchProvider, identity: string, rows = 3): Promise<string> {
  const bytes = Buffer.concat(Array.from({ length: rows }, (_, row) => provider.requestLine(`chunk-${row}-1`, `Question ${row} é`)))
  return valueOf(await provider.upload(identity, spooled(bytes), bytes.length)).id
}

async function submit(provider: BatchProvider, identity: string, rows = 3): Promise<ProviderBatch> {
  return valueOf(await provider.create(await upload(provider, identity, rows), identity))
}

async function outcomes(provider: BatchProvider, { state }: ProviderBatch): Promise<RequestOutcome[]> {
  if (state.kind !== 'Ended') throw new Error(`the batch is ${state.kind}`)
  const all: RequestOutcome[] = []
  for (const file of state.files) all.push(...(await collectItems(provider.outcomes(file))))
  return all
}

describe('the OpenAI batch API, against the simulator', () => {
  it('asks each row once and brings each answer back, in whatever order', async () => {
    const { simulator, provider, later } = connect()
    const created = await submit(provider, 'llmbatch-a', 20)
    expect(created).toMatchObject({ identity: 'llmbatch-a', state: { kind: 'Open' } })
    later(60)
    const ended = await provider.get(created.id)
    expect(ended).toMatchObject({ id: created.id, inputFileId: created.inputFileId, state: { kind: 'Ended', unanswered: 'Missing' } })
    const answers = await outcomes(provider, ended)
    expect(new Set(answers.map(({ customId }) => customId)).size).toBe(20)
    for (const answer of answers) expect(answer).toMatchObject({ failure: null, text: expect.stringMatching(/./), promptTokens: expect.any(Number), completionTokens: expect.any(Number) })
    expect((await simulator.bill()).length).toBe(20)
  })

  it('uploads a file that says what it is for, is named by the batch identity and expires by itself', async () => {
    const { simulator, provider } = connect()
    const bytes = provider.requestLine('c-0-1', 'hi')
    const file = valueOf(await provider.upload('llmbatch-a', spooled(bytes), bytes.length))
    const shown = (await simulator.call<object>('GET', `/v1/files/${file.id}`)).json()
    expect(shown).toMatchObject({ filename: 'llmbatch-a.jsonl', purpose: 'batch', bytes: bytes.length, created_at: file.createdAt, expires_at: file.createdAt + LIMITS.fileExpirySeconds })
    expect((await simulator.call('GET', `/v1/files/${file.id}/content`)).text).toBe(Buffer.from(bytes).toString())
  })

  it('finds uploads by their name, however many pages there are', async () => {
    const { provider } = connect()
    const wanted = await upload(provider, 'llmbatch-wanted')
    for (let i = 0; i < 120; i++) await upload(provider, `llmbatch-${i}`, 1)
    expect(await provider.findFiles('llmbatch-wanted')).toEqual([wanted])
    expect(await provider.findFiles('llmbatch-wante')).toEqual([])
  })

  it('deletes a file, and one that is gone already; then a create of it is refused', async () => {
    const { provider } = connect()
    const id = await upload(provider, 'llmbatch-a')
    await provider.deleteFile(id)
    await provider.deleteFile(id)
    expect(await provider.findFiles('llmbatch-a')).toEqual([])
    expect(await provider.create(id, 'llmbatch-a')).toMatchObject({ kind: 'Rejected', status: 404, message: expect.stringContaining(id) })
  })

  it('lists all batches since a time, over several pages', async () => {
    const { simulator, provider, later } = connect()
    const start = Math.floor(simulator.now / 1000)
    const ids: string[] = []
    for (let i = 0; i < 130; i++) {
      ids.push((await submit(provider, `llmbatch-${i}`, 1)).id)
      later(10)
    }
    expect((await provider.list(0)).map(({ id }) => id).toReversed()).toEqual(ids)
    const recent = await provider.list(start + 1000)
    expect(recent.map(({ id }) => id).toReversed()).toEqual(ids.slice(100))
    expect(recent.at(-1)).toMatchObject({ identity: 'llmbatch-100', createdAt: start + 1000 })
  })

  it('does not list half: a page that fails fails the listing', async () => {
    const faults = [2, 3, 4, 5].map((n) => ({ call: 'GET /v1/batches', n, status: 503 }))
    const { provider } = connect({ faults })
    for (let i = 0; i < 101; i++) await submit(provider, `llmbatch-${i}`, 1)
    await expect(provider.list(0)).rejects.toMatchObject({ code: 'ProviderUnavailable' })
    expect((await provider.list(0)).length).toBe(101)
  })

  it('takes a batch whose files are not visible yet as running', async () => {
    const { simulator, provider, later } = connect({ inProgressSeconds: 1, outputFileLagSeconds: 30 })
    const { id } = await submit(provider, 'llmbatch-a')
    later(20)
    expect((await simulator.batch(id)).status).toBe('completed')
    expect((await provider.get(id)).state).toEqual({ kind: 'Open' })
    later(30)
    expect((await outcomes(provider, await provider.get(id))).length).toBe(3)
  })

  it('brings back what failed too, by its class', async () => {
    const { provider, later } = connect({ rows: { serverError: 0.25, invalidRequest: 0.25, refused: 0.25, truncated: 0.25 } })
    const { id } = await submit(provider, 'llmbatch-a', 40)
    later(60)
    const classes = (await outcomes(provider, await provider.get(id))).map(({ failure }) => failure)
    expect(classes.length).toBe(40)
    expect(new Set(classes)).toEqual(new Set(['ServerError', 'InvalidRequest', 'Refused', 'Truncated']))
  })

  it('tells rows that expired from those that were answered', async () => {
    const { provider, later } = connect({ windowSeconds: 3600, rows: { expired: 0.5 } })
    const { id } = await submit(provider, 'llmbatch-a', 40)
    later(60)
    expect((await provider.get(id)).state.kind).toBe('Open')
    later(3600)
    const ended = await provider.get(id)
    expect(ended.state).toMatchObject({ kind: 'Ended', unanswered: 'Expired' })
    const all = await outcomes(provider, ended)
    expect(all.length).toBe(40)
    expect(new Set(all.map(({ failure }) => failure))).toEqual(new Set([null, 'Expired']))
  })

  it('says why a batch failed as a whole', async () => {
    const { provider, later } = connect()
    const line = Buffer.from('{"custom_id":"a","method":"POST"}\n')
    const file = valueOf(await provider.upload('llmbatch-a', spooled(line), line.length))
    const { id } = valueOf(await provider.create(file.id, 'llmbatch-a'))
    later(60)
    expect((await provider.get(id)).state).toMatchObject({ kind: 'Failed', message: expect.stringMatching(/./), waitable: false })
  })

  it('leaves open what became of a create whose answer was lost; the listing then knows', async () => {
    const { provider } = connect({ faults: [{ call: 'POST /v1/batches', n: 1, when: 'after' }, { call: 'POST /v1/batches', n: 2, when: 'after', status: 500 }] })
    for (const identity of ['llmbatch-a', 'llmbatch-b']) {
      const file = await upload(provider, identity)
      expect((await provider.create(file, identity)).kind).toBe('Ambiguous')
      expect((await provider.list(0)).filter((batch) => batch.inputFileId === file).map((batch) => batch.identity)).toEqual([identity])
    }
  })

  it('leaves open what became of an upload that broke', async () => {
    const { provider } = connect({ faults: [{ call: 'POST /v1/files', n: 1, when: 'after' }] })
    const bytes = provider.requestLine('c-0-1', 'hi')
    expect((await provider.upload('llmbatch-a', spooled(bytes), bytes.length)).kind).toBe('Ambiguous')
    expect((await provider.findFiles('llmbatch-a')).length).toBe(1)
  })

  it('does not take half of an answer file: a cut download is ProviderUnavailable', async () => {
    const { provider, later } = connect({ faults: [{ call: 'GET /v1/files/{id}/content', n: 1, when: 'after' }] })
    const { id } = await submit(provider, 'llmbatch-a', 20)
    later(60)
    const ended = await provider.get(id)
    await expect(outcomes(provider, ended)).rejects.toMatchObject({ code: 'ProviderUnavailable' })
    expect((await outcomes(provider, ended)).length).toBe(20)
  })

  it('knows the account by its organization, whichever of its keys is used', async () => {
    const simulator = new VirtualProvider({ apiKeys: { 'sk-1': 'acme', 'sk-2': 'acme', 'sk-3': 'other' } })
    const accountOf = (key: string): Promise<string> => makeOpenAIBatchProvider(SPEC, { http: simulatedHttp(simulator), clock: new SleepingClock() }, key, LIMITS).account()
    const [first, second, third] = [await accountOf('sk-1'), await accountOf('sk-2'), await accountOf('sk-3')]
    expect(second).toBe(first)
    expect(third).not.toBe(first)
    await expect(accountOf('sk-4')).rejects.toMatchObject({ code: 'AuthFailed' })
  })

  it('a batch that is not found is no proof that there is none', async () => {
    const { provider } = connect()
    await expect(provider.get('batch_unknown')).rejects.toMatchObject({ code: 'ProviderUnavailable' })
  })
})
