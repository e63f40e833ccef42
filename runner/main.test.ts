import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LlmBatchJobSpec } from '../crds/generated/llmbatchjob.ts'
import type { Outcome } from '../crds/generated/outcome.ts'
import { IntervalSet } from '../crds/interval-set.ts'
import { encodeRunnerEnvironment } from '../crds/runner-environment.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llmbatch-main-test-'))
  mkdirSync(join(folder, 'tmp'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Runs the runner as a Pod would; returns what it left. */
async function runMain(env: Readonly<Record<string, string>>): Promise<{ readonly code: number | null; readonly outcome: Outcome | null; readonly log: string }> {
  const outcomePath = join(folder, 'outcome.json')
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url))], {
    env: { LLMBATCH_OUTCOME_PATH: outcomePath, TMPDIR: join(folder, 'tmp'), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (data: Buffer) => {
    log += data.toString('utf8')
  })
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  let outcome: Outcome | null = null
  if (readdirSync(folder).includes('outcome.json')) outcome = JSON.parse(readFileSync(outcomePath, 'utf8')) as Outcome
  return { code, outcome, log }
}

function envOf(mode: Outcome['mode'], change: Partial<LlmBatchJobSpec> = {}): Record<string, string> {
  const names = { response: 'a', status: 'b', error: 'c', promptTokens: 'd', completionTokens: 'e' }
  const spec: LlmBatchJobSpec = {
    input: { uri: `file://${folder}/in/*.parquet` },
    output: { uri: `file://${folder}/out/`, ifExists: 'Fail', columns: { names } },
    request: { model: 'm', prompt: '{{title}}' },
    provider: { type: 'Simulated', baseURL: 'http://127.0.0.1:9/v1', credentialsSecretRef: { name: 'openai' } },
    runner: { memory: '256Mi', parallelism: 1, shardRows: 50_000 },
    ...change,
  }
  const plan = mode === 'plan' ? {} : { plan: { uri: `file://${folder}/work/plans/p`, digest: 'p' } }
  return encodeRunnerEnvironment({ mode, job: { namespace: 'default', name: 'job', uid: 'u' }, spec, set: IntervalSet.range(0, 1), ...plan })
}

describe('the runner as a process', () => {
  it('says in its outcome and by its exit code why it failed, and leaves nothing in its temporary folder', async () => {
    const { code, outcome, log } = await runMain(envOf('plan'))
    expect(code).toBe(64)
    expect(outcome).toEqual({ schemaVersion: 1, mode: 'plan', result: 'failed', reason: 'InputNotFound', message: `spec.input.uri file://${folder}/in/*.parquet matches nothing: nothing lies under file://${folder}/in/` })
    expect(JSON.parse(log)).toEqual({ event: 'Failed', reason: 'InputNotFound', message: outcome?.message })
    expect(readdirSync(join(folder, 'tmp'))).toEqual([])
  })

  it('without its environment is a bug of the caller, named by the variable', async () => {
    const { code, outcome } = await runMain({})
    expect(code).toBe(70)
    expect(outcome).toMatchObject({ result: 'failed', reason: 'InternalError', message: 'environment variable LLMBATCH_MODE is not set' })
  })

  it.each(['advance', 'scout', 'merge'] as const)('that fails before it begins to %s reports that mode', async (mode) => {
    const { LLMBATCH_SPEC: _, ...env } = envOf(mode)
    const { code, outcome } = await runMain(env)
    expect(code).toBe(70)
    expect(outcome).toMatchObject({ mode, result: 'failed', reason: 'InternalError', message: 'environment variable LLMBATCH_SPEC is not set' })
  })

  it('without the provider\'s key does not begin what would need it', async () => {
    const { code, outcome } = await runMain(envOf('advance'))
    expect(code).toBe(77)
    expect(outcome).toMatchObject({ mode: 'advance', result: 'failed', reason: 'SecretNotFound', message: expect.stringContaining('Secret openai') })
  })

  it('refuses input and output in two stores', async () => {
    const { code, outcome } = await runMain(envOf('merge', { input: { uri: 's3://bucket/*.parquet' } }))
    expect(code).toBe(64)
    expect(outcome).toMatchObject({ mode: 'merge', reason: 'UnsupportedURI', message: expect.stringContaining('s3://bucket/*.parquet') })
  })

  it('whose outcome cannot be written counts as a fault that may pass', async () => {
    const { code, log } = await runMain({ ...envOf('plan'), LLMBATCH_OUTCOME_PATH: join(folder, 'missing', 'outcome.json') })
    expect(code).toBe(75)
    expect(log).toContain('OutcomeNotWritten')
  })
})
