import { readFileSync } from 'node:fs'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { VirtualTime } from '../../test/sim/virtual-time.ts'
import { VirtualProvider } from '../../simulator/virtual-provider.ts'
import { makeAppendAssembler } from '../formats/append-assembler.ts'
import { makeParquetRowSource } from '../formats/parquet-row-source.ts'
import { testPorts } from '../ledger/testdata/test-ports.ts'
import type { Parts } from '../mode.ts'
import type { Clock } from '../ports/clock.ts'
import { MemoryScratch } from '../ports/memory-scratch.ts'
import type { ProviderHttp } from '../ports/provider-http.ts'
import type { BatchProvider } from '../provider/batch-provider.ts'
import { limitsOf } from '../provider/limits.ts'
import { makeOpenAIBatchProvider } from '../provider/openai-batch-provider.ts'
import { simulatedHttp } from '../provider/testdata/simulated-wire.ts'
import { runMode, type RunnerEnd } from '../run-mode.ts'

export const INPUT = 'memory://bucket/in/'
export const OUTPUT = 'memory://bucket/out/'
export const WORK = 'memory://bucket/work/'

/** Longest that a mode may take, virtual milliseconds. */
const RUN_LIMIT = 10 * 60_000

/** The bytes of a small Parquet file: a (24 rows in groups of 8), b (10 rows), empty (none); columns id and title. */
export function parquetFile(name: 'a' | 'b' | 'empty'): Uint8Array {
  return readFileSync(new URL(`../../test/sim/testdata/${name}.parquet`, import.meta.url))
}

/** Storage, scratch, time and a simulated provider in this process, on which modes run one after the other. Chunks have about 8 rows. */
export class ModeWorld {
  readonly storage = testPorts().storage
  scratch = new MemoryScratch()
  readonly time = new VirtualTime(1_790_000_000_000)
  readonly #random = testPorts().random
  readonly simulator: VirtualProvider
  readonly logged: { readonly event: string; readonly fields: Readonly<Record<string, string | number>> }[] = []
  /** Stands before the provider that modes see. */
  wrap: (provider: BatchProvider) => BatchProvider = (provider) => provider
  spec: LlmBatchJobSpec = {
    input: { uri: `${INPUT}*.parquet` },
    output: {
      uri: OUTPUT,
      ifExists: 'Fail',
      columns: { names: { response: 'llm_response', status: 'llm_status', error: 'llm_error', promptTokens: 'llm_prompt_tokens', completionTokens: 'llm_completion_tokens' } },
    },
    work: { uri: WORK },
    request: { model: 'simulated-1', prompt: '{{title}} ({{id}})' },
    provider: { type: 'Simulated', baseURL: 'http://simulator/v1' },
    runner: { memory: '256Mi', parallelism: 2, shardRows: 16 },
  }

  constructor(behaviour: unknown = {}) {
    this.simulator = new VirtualProvider(behaviour)
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.storage.put(INPUT + name, bytes, { unconditional: true })
  }

  parts(): Parts {
    const { storage } = this
    const http: ProviderHttp = simulatedHttp(this.simulator)
    const clock: Clock = { now: () => this.time.now(), monotonic: () => this.time.now(), sleep: (ms, signal) => this.time.sleep(ms, signal) }
    const limits = { ...limitsOf(this.spec.provider), batchRequests: 6 }
    return {
      ports: { storage, clock, http, random: this.#random, scratch: this.scratch, log: (event, fields) => this.logged.push({ event, fields }) },
      source: makeParquetRowSource(storage),
      assembler: makeAppendAssembler(storage),
      provider: this.wrap(makeOpenAIBatchProvider(this.spec, { http, clock }, 'key', limits)),
      limits,
      cut: { version: 0, targetRows: 8 },
      report: () => undefined,
    }
  }

  async run(mode: Outcome['mode'], plan?: Outcome['plan'], shard = 0): Promise<RunnerEnd> {
    const job = { namespace: 'default', name: 'job', uid: 'uid-1' }
    const input = { mode, job, spec: this.spec, set: IntervalSet.range(shard, shard + 1), index: 0, ...(plan === undefined ? {} : { plan }) }
    const end = await this.time.runUntilDone(runMode(this.parts(), input), RUN_LIMIT)
    // What a runner leaves behind of its own is nothing; the disk of one that failed goes with it.
    if (end.outcome.result === 'failed') this.scratch = new MemoryScratch()
    if (this.scratch.filesHeld > 0) throw new Error(`${mode} left ${this.scratch.filesHeld} scratch files`)
    return end
  }

  /** Plans, which must succeed. */
  async plan(): Promise<NonNullable<Outcome['plan']>> {
    const { outcome } = await this.run('plan')
    if (outcome.plan === undefined) throw new Error(JSON.stringify(outcome))
    return outcome.plan
  }

  /** Advances a shard until it is done or has failed; a batch takes an hour. Returns the last outcome. */
  async finish(plan: Outcome['plan'], shard: number): Promise<Outcome> {
    for (let runs = 0; runs < 20; runs++) {
      const { outcome } = await this.run('advance', plan, shard)
      if (outcome.result !== 'waiting') return outcome
      this.simulator.now += 3_600_000
    }
    throw new Error(`shard ${shard} did not end`)
  }

  /** Plans, advances every shard until it is done, and merges; all of it must succeed. */
  async runJob(): Promise<NonNullable<Outcome['plan']>> {
    const plan = await this.plan()
    for (let shard = 0; shard < plan.shards; shard++) {
      const outcome = await this.finish(plan, shard)
      if (outcome.result !== 'done') throw new Error(JSON.stringify(outcome))
    }
    const { outcome } = await this.run('merge', plan)
    if (outcome.result !== 'done') throw new Error(JSON.stringify(outcome))
    return plan
  }

  /** Rows of an output file, by a reader that shares no code with the runner. */
  async rows(name: string): Promise<Readonly<Record<string, unknown>>[]> {
    const found = await this.storage.get(OUTPUT + name)
    if (found === null) throw new Error(`there is no output ${name}`)
    const { buffer } = new Uint8Array(found.bytes)
    return await parquetReadObjects({ file: buffer, compressors })
  }
}
