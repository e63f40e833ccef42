import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LlmBatchJobSpec } from '../../../crds/generated/llmbatchjob.ts'
import { IntervalSet } from '../../../crds/interval-set.ts'
import type { ClusterEvent, JobRef, Member, Mode } from '../../cluster.ts'
import { LocalProcessCluster } from '../local-process-cluster.ts'
import type { FakeTry } from './fake-runner.ts'

export const JOB: JobRef = { namespace: 'default', name: 'sort-products', uid: 'uid-1' }
const MIB = 2 ** 20

/** A spec as `llmbatch run` hands it over. */
export function exampleSpec(runner: Partial<LlmBatchJobSpec['runner']> = {}): LlmBatchJobSpec {
  return {
    input: { uri: 'file:/data/in/*.parquet' },
    output: {
      uri: 'file:/data/out/',
      ifExists: 'Fail',
      columns: {
        names: { response: 'llm_response', status: 'llm_status', error: 'llm_error', promptTokens: 'llm_prompt_tokens', completionTokens: 'llm_completion_tokens' },
      },
    },
    request: { model: 'simulated', prompt: '{{title}}' },
    provider: { type: 'Simulated' },
    runner: { memory: '256Mi', parallelism: 10, shardRows: 50_000, ...runner },
  }
}

/** A cluster whose runners follow a script, with a folder for their log. */
export interface LocalHarness {
  readonly cluster: LocalProcessCluster
  readonly folder: string
  readonly events: readonly ClusterEvent[]
  start(mode: Mode, size: number, parallelism?: number, memoryMib?: number): Promise<string>
  member(wave: string, index: number): Promise<Member | undefined>
  /** Resolves once the condition holds. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>
  /** Lines `<start|end|sigterm> <mode>-<index> <pid>`. */
  log(): Promise<string[]>
  close(): Promise<void>
}

export async function localHarness(
  script: Record<string, readonly FakeTry[]>,
  runner: Partial<LlmBatchJobSpec['runner']> = {},
  timing: { graceMs?: number; retryBaseMs?: number } = {},
): Promise<LocalHarness> {
  const folder = await mkdtemp(join(tmpdir(), 'llmbatch-local-test-'))
  const cluster = await LocalProcessCluster.open({
    job: JOB,
    spec: exampleSpec(runner),
    env: { FAKE_FOLDER: folder, FAKE_SCRIPT: JSON.stringify(script), API_KEY: 'key-of-the-user' },
    runnerPath: fileURLToPath(new URL('fake-runner.ts', import.meta.url)),
    retryBaseMs: timing.retryBaseMs ?? 5,
    graceMs: timing.graceMs ?? 5_000,
    memoryIntervalMs: 20,
  })
  const events: ClusterEvent[] = []
  cluster.onEvent((event) => events.push(event))
  let count = 0
  const log = async (): Promise<string[]> => {
    try {
      return (await readFile(join(folder, 'log'), 'utf8')).trim().split('\n')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
      throw error
    }
  }
  return {
    cluster,
    folder,
    events,
    log,
    async start(mode, size, parallelism = 10, memoryMib = 256) {
      const name = `test-${mode}-${++count}`
      const plan = mode === 'plan' ? {} : { plan: 'file:/data/.llmbatch/plan#sha256:0' }
      await cluster.startWave(JOB, { name, mode, set: IntervalSet.range(0, size), ...plan, parallelism, memoryBytes: memoryMib * MIB })
      return name
    },
    async member(wave, index) {
      return (await cluster.observe(JOB))?.waves.find(({ name }) => name === wave)?.members[index]
    },
    async until(condition) {
      while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
    },
    async close() {
      await cluster.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
