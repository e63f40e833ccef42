import { readFileSync } from 'node:fs'
import type { LlmBatchJobSpec, LlmBatchJobStatus } from '../../crds/generated/llmbatchjob.ts'
import { runJob } from '../../operator/local/run-job.ts'
import { makeAppendAssembler } from '../../runner/formats/append-assembler.ts'
import { makeParquetRowSource } from '../../runner/formats/parquet-row-source.ts'
import type { Cut } from '../../runner/plan/cut.ts'
import { MemoryScratch } from '../../runner/ports/memory-scratch.ts'
import type { ProviderHttp, ProviderHttpRequest, ProviderHttpResponse } from '../../runner/ports/provider-http.ts'
import type { BatchProvider } from '../../runner/provider/batch-provider.ts'
import { limitsOf, type ProviderLimits } from '../../runner/provider/limits.ts'
import { makeOpenAIBatchProvider } from '../../runner/provider/openai-batch-provider.ts'
import { simulatedHttp } from '../../runner/provider/testdata/simulated-wire.ts'
import { runMode } from '../../runner/run-mode.ts'
import { collectBytes } from '../../runner/storage/collect.ts'
import { MemoryStorage } from '../../runner/storage/memory-storage.ts'
import { retryingStorage } from '../../runner/storage/retrying-storage.ts'
import { StorageFaultLayer } from '../../runner/storage/testdata/storage-fault-layer.ts'
import { DEFAULT_BEHAVIOUR, type Behaviour } from '../../simulator/behaviour.ts'
import { MemoryStore } from '../../simulator/memory-store.ts'
import { ProviderSimulator } from '../../simulator/provider-simulator.ts'
import { SimCluster } from './sim-cluster.ts'
import { SeededRandom } from './seeded-random.ts'
import { FaultPlan, SimProcess, type Fault } from './sim-process.ts'
import { chooseStorageFaults, type StorageFaultsScenario } from './storage-faults.ts'
import { VirtualTime } from './virtual-time.ts'

/** Small enough that a few dozen rows make several chunks, shards and batches. */
const CUT: Cut = { version: 0, targetRows: 8 }
const LIMITS: ProviderLimits = { ...limitsOf({ type: 'Simulated' }), batchRequests: 6 }
const INPUT = 'memory://bucket/in/'
const START = 1_790_000_000_000
/** Longest that a run may take, virtual seconds. */
const RUN_LIMIT = 1_800

/** A scenario: what is simulated besides the job itself. */
export interface Scenario {
  readonly seed: string
  /** Files of test/sim/testdata. */
  readonly files: readonly string[]
  readonly faults: readonly Fault[]
  readonly behaviour?: Partial<Behaviour>
  /** How many operators run the job at once, as from so many terminals. */
  readonly runs?: number
  readonly limits?: Partial<ProviderLimits>
  readonly shardRows?: number
  /** Rows that a chunk aims at. */
  readonly chunkRows?: number
  /** shardRows of each run, when they differ: the same rows in other packings. */
  readonly shardRowsOfRuns?: readonly number[]
  /** What happens before a killed run is started again; returns the job's spec from then on. */
  readonly onKill?: (world: World, spec: LlmBatchJobSpec) => Promise<LlmBatchJobSpec>
  /** How far the processes' wall clocks may be off, milliseconds. Default: 30 s either way. */
  readonly clockSkewMs?: number
  /** Stands between the runner and the provider: answers that the simulator would not give. */
  readonly wire?: (request: ProviderHttpRequest, next: ProviderHttp) => Promise<ProviderHttpResponse>
  /** How storage fails. */
  readonly storageFaults?: StorageFaultsScenario
  /** Stands between the runner and storage instead of retryingStorage, to show that the checks notice. */
  readonly storageLayer?: typeof retryingStorage
  /** Whether the store is yet to be probed; its hundreds of calls would hide the job's in schedules that fault each call. */
  readonly unprobed?: boolean
  /** Longest that the job may take, virtual seconds. */
  readonly runLimitSeconds?: number
  /** Breaks the runner's protocol on purpose, to show that the checks notice. */
  readonly mutate?: (provider: BatchProvider) => BatchProvider
}

/** One world: storage, provider and time, which outlive every process. */
export class World {
  /** What storage holds, seen past its faults. */
  readonly storage = new MemoryStorage()
  /** Storage as the runners see it. */
  readonly storageFaults: StorageFaultLayer
  readonly scratch = new MemoryScratch()
  readonly time = new VirtualTime(START)
  readonly simulator: ProviderSimulator
  readonly #plan: FaultPlan
  readonly #scenario: Scenario
  #processes = 0

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#plan = new FaultPlan(scenario.faults)
    this.storageFaults = new StorageFaultLayer(this.storage, {
      choose: chooseStorageFaults(scenario.storageFaults, new SeededRandom(`${scenario.seed}/storage faults`), () => ({ step: this.#plan.steps, now: this.time.now() })),
      draws: new SeededRandom(`${scenario.seed}/storage delays`),
      clock: { now: () => this.time.now(), monotonic: () => this.time.now(), sleep: (ms) => this.time.sleep(ms) },
      onFault: (fault, call, uri) => this.#plan.note(`storage fault: ${fault} of ${call} ${uri}`),
    })
    this.simulator = new ProviderSimulator({ clock: this.time, store: new MemoryStore(), behaviour: { ...DEFAULT_BEHAVIOUR, seed: scenario.seed, ...scenario.behaviour } })
  }

  /** What happened, for comparing two runs of one seed and for a failing test. */
  get trace(): FaultPlan {
    return this.#plan
  }

  spec(change: Partial<Pick<LlmBatchJobSpec['request'], 'prompt'>> = {}, files = this.#scenario.files): LlmBatchJobSpec {
    const uri = files.length === 1 ? `${INPUT}${files[0] ?? ''}` : `${INPUT}*.parquet`
    return {
      input: { uri },
      output: {
        uri: 'memory://bucket/out/',
        ifExists: 'Fail',
        columns: { names: { response: 'llm_response', status: 'llm_status', error: 'llm_error', promptTokens: 'llm_prompt_tokens', completionTokens: 'llm_completion_tokens' } },
      },
      work: { uri: 'memory://bucket/work/' },
      request: { model: 'simulated-1', system: 'Answer.', prompt: 'Title: {{title}} ({{id}})', parameters: { max_completion_tokens: 200 }, ...change },
      provider: { type: 'Simulated', baseURL: 'http://simulator/v1' },
      runner: { memory: '256Mi', parallelism: 2, shardRows: this.#scenario.shardRows ?? 16 },
    }
  }

  async putInputs(files: readonly string[] = this.#scenario.files): Promise<void> {
    for (const file of files) {
      const bytes = readFileSync(new URL(`testdata/${file}`, import.meta.url))
      await this.storage.put(INPUT + file, bytes, { unconditional: true })
    }
    if (this.#scenario.unprobed !== true) await this.storage.put('memory://bucket/work/probe-passed', Buffer.from('{"schemaVersion":1}'), { unconditional: true })
  }

  /** Runs the job to its end, and until late writes have arrived; a run that is killed is started again, as a user would. Returns each run's last status. */
  async runJob(spec: LlmBatchJobSpec = this.spec()): Promise<LlmBatchJobStatus[]> {
    const runs = Array.from({ length: this.#scenario.runs ?? 1 }, (_, i) => this.#runUntilEnd({ ...spec, runner: { ...spec.runner, shardRows: this.#scenario.shardRowsOfRuns?.[i] ?? spec.runner.shardRows } }, i))
    const ended = Promise.all(runs).then(async (statuses) => {
      await this.storageFaults.settled()
      return statuses
    })
    return this.time.runUntilDone(ended, (this.#scenario.runLimitSeconds ?? RUN_LIMIT) * 1000)
  }

  async #runUntilEnd(first: LlmBatchJobSpec, run: number): Promise<LlmBatchJobStatus> {
    let spec = first
    for (let start = 0; ; start++) {
      const status = await this.#runOnce(spec, `run${run}.${start}`)
      if (status !== 'Killed') return status
      await this.time.sleep(200)
      if (this.#scenario.onKill !== undefined) spec = await this.#scenario.onKill(this, spec)
    }
  }

  async #runOnce(spec: LlmBatchJobSpec, name: string): Promise<LlmBatchJobStatus | 'Killed'> {
    const operator = this.#process(`${name}/operator`, () => cluster.kill())
    const cluster: SimCluster = new SimCluster({
      time: this.time,
      spec,
      operator,
      spawn: (task) => this.#process(`${name}/${task}`, () => cluster.kill()),
      run: (process, input) => this.#run(process, input),
    })
    const job = { namespace: 'default', name: 'sim', uid: 'uid-1' }
    const ended = runJob(cluster, job, operator.clock(), new AbortController().signal)
    const status = await Promise.race([ended, operator.killed.then(() => 'Killed' as const)])
    if (status === null) throw new Error('the job vanished')
    return status
  }

  #process(name: string, killRun: () => void): SimProcess {
    return new SimProcess(`${name}#${++this.#processes}`, this.time, this.#plan, this.#scenario.seed, this.#scenario.clockSkewMs ?? 30_000, killRun)
  }

  async #run(process: SimProcess, input: Parameters<typeof runMode>[1]): ReturnType<typeof runMode> {
    const limits = { ...LIMITS, ...this.#scenario.limits }
    const { wire, storageLayer } = this.#scenario
    const clock = process.clock()
    const random = process.random()
    const storage = (storageLayer ?? retryingStorage)(process.storage(this.storageFaults), { clock, random })
    const ports = {
      storage,
      http: process.http(wire === undefined ? this.#http : (request) => wire(request, this.#http)),
      clock,
      random,
      scratch: process.scratch(this.scratch),
      log: (event: string, fields: Readonly<Record<string, string | number>>) => this.#plan.note(`${process.name} ${event} ${JSON.stringify(fields)}`),
    }
    const end = await runMode(
      {
        ports,
        source: makeParquetRowSource(storage),
        assembler: makeAppendAssembler(storage),
        provider: (this.#scenario.mutate ?? unchanged)(makeOpenAIBatchProvider(input.spec, ports, 'key', limits)),
        limits,
        cut: { ...CUT, targetRows: this.#scenario.chunkRows ?? CUT.targetRows },
        report: () => undefined,
      },
      input,
    )
    this.#plan.note(`${process.name} ended: ${JSON.stringify(end)}`)
    return end
  }

  readonly #http = simulatedHttp(this)

  /** Provider calls so far, by endpoint. */
  async providerState(): Promise<{ readonly calls: Readonly<Record<string, number>>; readonly batches: { readonly open: number; readonly byStatus: Readonly<Record<string, number>> } }> {
    return JSON.parse(await this.#control('/simulator/state')) as Awaited<ReturnType<World['providerState']>>
  }

  /** The provider's bill: one entry for each attempt that it accepted. */
  async bill(): Promise<{ readonly customId: string; readonly outcome: string; readonly billed: boolean; readonly cost: string }[]> {
    const text = await this.#control('/simulator/bill')
    return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Awaited<ReturnType<World['bill']>>[number])
  }

  async #control(path: string): Promise<string> {
    const response = await this.simulator.handle({ method: 'GET', path, headers: {}, body: none() })
    if (typeof response.body === 'string') return response.body
    return Buffer.from(await collectBytes(response.body)).toString('utf8')
  }

}

const unchanged = (provider: BatchProvider): BatchProvider => provider

async function* none(): AsyncGenerator<Uint8Array> {
  // A request without a body.
}
