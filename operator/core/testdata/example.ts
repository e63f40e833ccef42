import type { LlmBatchJobSpec, LlmBatchJobStatus } from '../../../crds/generated/llmbatchjob.ts'
import type { Outcome } from '../../../crds/generated/outcome.ts'
import { IntervalSet } from '../../../crds/interval-set.ts'
import type { JobRef, Member, Mode, Observed, Wave } from '../../cluster.ts'
import { parseTime } from '../../../crds/rfc3339.ts'
import { summarize } from '../summarize.ts'

export const JOB: JobRef = { namespace: 'catalog', name: 'sort-products', uid: 'uid-1' }
/** 2026-01-01T00:00:00Z. */
export const NOW = parseTime('2026-01-01T00:00:00Z') ?? 0
const NAMES = { response: 'llm_response', status: 'llm_status', error: 'llm_error', promptTokens: 'llm_prompt_tokens', completionTokens: 'llm_completion_tokens' }

export const SPEC: LlmBatchJobSpec = {
  input: { uri: 's3://catalog/products/*.parquet' },
  output: { uri: 's3://catalog/sorted/', ifExists: 'Fail', columns: { names: NAMES } },
  request: { model: 'gpt-5-mini', prompt: '{{title}}' },
  provider: { type: 'OpenAI', credentialsSecretRef: { name: 'openai' } },
  runner: { memory: '256Mi', parallelism: 10, shardRows: 50_000 },
}

/** A member that has ended with this outcome. */
export function said(index: number, outcome: Omit<Outcome, 'schemaVersion'>, exitCode = 0): Member {
  return { index, phase: exitCode === 0 ? 'Succeeded' : 'Failed', exitCode, outcome: { schemaVersion: 1, ...outcome } }
}

/** A wave numbered n over shards "0-3,7". */
export function wave(mode: Mode, n: number, shards: string, members: readonly Member[] = []): Wave {
  return { name: `sort-products-abcdefgh-${mode}-${n}`, mode, set: IntervalSet.parse(shards), parallelism: 10, members }
}

/** A plan of shards with ten rows and two chunks each. */
export function planOutcome(shards: number): Omit<Outcome, 'schemaVersion'> {
  return {
    mode: 'plan',
    result: 'done',
    plan: { digest: 'sha256:p', uri: 's3://catalog/.llmbatch/plan', files: 1, chunks: shards * 2, shards, rows: shards * 10 },
  }
}

/** What an advance runner of a done shard says: ten rows of which one failed, at 0.01. */
export function doneOutcome(shard: number): Omit<Outcome, 'schemaVersion'> {
  return {
    mode: 'advance',
    shard,
    result: 'done',
    chunks: '0-1',
    rows: { total: 10, succeeded: 9, failed: 1 },
    tokens: { input: 100, output: 50 },
    cost: '0.01',
    epoch: 1,
    seq: 9,
  }
}

export function observed(status: LlmBatchJobStatus, waves: readonly Wave[] = [], more: Partial<Observed> = {}): Observed {
  return { job: JOB, generation: 1, spec: SPEC, status, resourceVersion: '1', waves, room: null, ...more }
}

/** The status of a job that has just been planned. */
export function plannedStatus(shards: number): LlmBatchJobStatus {
  return summarize(observed({}, [wave('plan', 1, '0', [said(0, planOutcome(shards))])]), NOW).status
}

/** The status after one more look at these waves, `afterMs` later. */
export function next(status: LlmBatchJobStatus, waves: readonly Wave[], afterMs = 0): LlmBatchJobStatus {
  return summarize(observed(status, waves), NOW + afterMs).status
}

/** `status/reason` of a condition. */
export function condition(status: LlmBatchJobStatus, type: string): string {
  const found = status.conditions?.find((each) => each.type === type)
  return `${found?.status ?? 'absent'}/${found?.reason ?? ''}`
}
