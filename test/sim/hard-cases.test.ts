import { describe, expect, it } from 'vitest'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { ProviderHttp, ProviderHttpRequest, ProviderHttpResponse } from '../../runner/ports/provider-http.ts'
import { ProviderConnectionError } from '../../runner/ports/provider-http.ts'
import { collectBytes } from '../../runner/storage/collect.ts'
import { expectBilledOnce, expectOutputRight } from './oracle.ts'
import { FILES, ROWS, runScenario } from './run-scenario.ts'
import { World, type Scenario } from './world.ts'

const ONE_FILE: Scenario = { seed: 'one', files: ['b.parquet'], faults: [] }
const CREATE = 'POST /v1/batches'

/** The step at which a scenario creates its first batch. */
async function createStep(scenario: Scenario): Promise<number> {
  const world = await runScenario(scenario)
  const line = world.trace.lines.find((each) => each.endsWith(CREATE))
  if (line === undefined) throw new Error('no batch was created')
  return Number(line.split(' ')[0])
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.from(await collectBytes(body)).toString('utf8')
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text))
}

describe('listings', () => {
  it('whose pages fail decide nothing', async () => {
    const faults = Array.from({ length: 10 }, (_, i) => ({ call: 'GET /v1/batches', n: i + 3, when: 'before' as const, status: 500, lateSeconds: null }))
    await runScenario({ ...ONE_FILE, faults: [{ step: await createStep(ONE_FILE), when: 'after', what: 'KillProcess' }], behaviour: { faults } })
  })

  it('that show our batch on their second page are read to there', async () => {
    // What others created meanwhile stands before it.
    const foreign = (now: number): object[] =>
      Array.from({ length: 100 }, (_, i) => ({ id: `batch_foreign_${i}`, object: 'batch', endpoint: '/v1/chat/completions', input_file_id: `file_foreign_${i}`, completion_window: '24h', status: 'completed', created_at: Math.floor(now / 1000) }))
    const world: { now: () => number } = { now: () => 0 }
    const wire = async (request: ProviderHttpRequest, next: ProviderHttp): Promise<ProviderHttpResponse> => {
      const url = new URL(request.url)
      if (request.method !== 'GET' || url.pathname !== '/v1/batches' || url.searchParams.get('limit') !== '100') return next(request)
      if (url.searchParams.get('after') === 'batch_foreign_99') {
        url.searchParams.delete('after')
        return next({ ...request, url: url.href })
      }
      const body = JSON.stringify({ object: 'list', data: foreign(world.now()), has_more: true, first_id: 'batch_foreign_0', last_id: 'batch_foreign_99' })
      return { status: 200, headers: {}, body: bytesOf(body) }
    }
    const simulated = new World({ ...ONE_FILE, faults: [{ step: await createStep(ONE_FILE), when: 'after', what: 'KillProcess' }], wire })
    world.now = () => simulated.time.now()
    await simulated.putInputs()
    await simulated.runJob()
    await expectBilledOnce(simulated, await expectOutputRight(simulated, ONE_FILE.files))
  })
})

describe('downloads', () => {
  it('that end early and cleanly are fetched again', async () => {
    let downloads = 0
    const wire = async (request: ProviderHttpRequest, next: ProviderHttp): Promise<ProviderHttpResponse> => {
      const response = await next(request)
      if (!request.url.endsWith('/content') || downloads++ > 0) return response
      const lines = (await textOf(response.body)).trimEnd().split('\n')
      return { ...response, body: bytesOf(`${lines.slice(0, -1).join('\n')}\n`) }
    }
    await runScenario({ ...ONE_FILE, wire })
    expect(downloads).toBeGreaterThan(1)
  })

  it('of a server that tells no sizes, and shows fewer lines than it counts for a while, are awaited', async () => {
    let downloads = 0
    const wire = async (request: ProviderHttpRequest, next: ProviderHttp): Promise<ProviderHttpResponse> => {
      const response = await next(request)
      if (request.method === 'GET' && /\/v1\/files\/[^/]+$/.test(request.url)) {
        return { ...response, body: bytesOf((await textOf(response.body)).replace(/"bytes":\d+/, '"bytes":null')) }
      }
      if (!request.url.endsWith('/content') || downloads++ > 1) return response
      const lines = (await textOf(response.body)).trimEnd().split('\n')
      return { ...response, body: bytesOf(`${lines.slice(2).join('\n')}\n`) }
    }
    await runScenario({ ...ONE_FILE, wire })
    expect(downloads).toBeGreaterThan(2)
  })
})

describe('a provider that is away', () => {
  it('for hours while batches run there is waited for', async () => {
    let calls = 0
    const clock: { now: () => number } = { now: () => 0 }
    let awayFrom = Infinity
    const wire = async (request: ProviderHttpRequest, next: ProviderHttp): Promise<ProviderHttpResponse> => {
      if (clock.now() > awayFrom && clock.now() < awayFrom + 3 * 3600_000) {
        calls++
        throw new ProviderConnectionError('the provider is away')
      }
      const response = await next(request)
      if (request.method === 'POST' && request.url.endsWith('/batches')) awayFrom = Math.min(awayFrom, clock.now())
      return response
    }
    const world = new World({ ...ONE_FILE, wire, runLimitSeconds: 12 * 3600 })
    clock.now = () => world.time.now()
    await world.putInputs()
    await world.runJob()
    expect(calls).toBeGreaterThan(10)
    await expectBilledOnce(world, await expectOutputRight(world, ONE_FILE.files))
  })
})

describe('packings', () => {
  it('two of the same rows at once end well', async () => {
    for (let seed = 0; seed < 6; seed++) await runScenario({ seed: `pack ${seed}`, files: FILES, faults: [], runs: 2, shardRowsOfRuns: [8, 24] })
  })

  it('a run that was stopped goes on in another packing', async () => {
    for (let step = 30; step <= 240; step += 10) {
      const scenario: Scenario = { seed: 'repack', files: FILES, faults: [{ step, when: 'after', what: 'KillRun' }], shardRows: 24 }
      await runScenario({ ...scenario, onKill: (_, spec) => Promise.resolve({ ...spec, runner: { ...spec.runner, shardRows: 9 } }) })
    }
  })

  it('a run that was stopped goes on with more files, packed with those it had', async () => {
    for (let step = 30; step <= 120; step += 10) {
      const world = new World({
        seed: 'more',
        files: FILES,
        faults: [{ step, when: 'after', what: 'KillRun' }],
        shardRows: 40,
        onKill: async (self, spec) => {
          await self.putInputs()
          return spec
        },
      })
      await world.putInputs(['b.parquet'])
      await world.runJob()
      expect(await expectOutputRight(world, FILES)).toBe(ROWS)
      await expectBilledOnce(world, ROWS)
    }
  })
})

async function loseLedgers(world: World, spec: LlmBatchJobSpec): Promise<LlmBatchJobSpec> {
  for await (const { uri } of world.storage.list('memory://bucket/work/ledgers/')) await world.storage.remove(uri)
  return spec
}

describe('a lost ledger', () => {
  it('stops every later run until somebody acts: nothing more is spent', async () => {
    const world = new World({ ...ONE_FILE, behaviour: { inProgressSeconds: 600 }, faults: [{ step: (await createStep(ONE_FILE)) + 3, when: 'after', what: 'KillRun' }], onKill: loseLedgers })
    await world.putInputs()
    for (let run = 0; run < 3; run++) {
      const [status] = await world.runJob()
      expect(status?.conditions?.find((condition) => condition.type === 'Failed')).toMatchObject({ status: 'True', reason: 'LedgerLost' })
    }
    expect((await world.providerState()).calls[CREATE]).toBe(1)
  })
})

describe('waves', () => {
  it('are not started without pause while one shard of many is refused for now', async () => {
    const refusedSeconds = 300
    const pollSeconds = 5
    const clock: { now: () => number } = { now: () => 0 }
    let [accepted, refused] = [0, 0]
    const wire = async (request: ProviderHttpRequest, next: ProviderHttp): Promise<ProviderHttpResponse> => {
      if (request.method !== 'POST' || !request.url.endsWith('/batches')) return next(request)
      if (accepted < 12 || clock.now() > started + refusedSeconds * 1000) {
        accepted++
        return next(request)
      }
      refused++
      return { status: 429, headers: {}, body: bytesOf('{"error":{"message":"Rate limit reached"}}') }
    }
    // 13 shards, so that a scout says which to wake; exact clocks, so that times of the next look mean what they say.
    const world = new World({ seed: 'refused', files: FILES, faults: [], chunkRows: 3, shardRows: 3, clockSkewMs: 0, limits: { pollSeconds, batchRequests: 10 }, behaviour: { inProgressSeconds: 400 }, wire })
    clock.now = () => world.time.now()
    const started = world.time.now()
    await world.putInputs()
    await world.runJob()
    await expectBilledOnce(world, await expectOutputRight(world, FILES))
    expect(refused).toBeGreaterThan(2)
    expect(refused).toBeLessThan(refusedSeconds / pollSeconds + 10)
  })
})
