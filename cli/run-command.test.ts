import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeParquetRowSource } from '../runner/formats/parquet-row-source.ts'
import { FileStorage } from '../runner/storage/file-storage.ts'
import { runCli, startCli, startSimulator, type CliEnd, type CliProcess } from './cli-process.ts'

const DATA = fileURLToPath(new URL('../examples/nouns/data/', import.meta.url))
/** Rows of the example's files. */
const ROWS = { shape: 341, feeling: 428 }

let folder = ''
let simulator: CliProcess
let url = ''

/** A slow enough provider that a run can be met in its middle. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'llmbatch-run-test-'))
  mkdirSync(join(folder, 'in'))
  copyFileSync(join(DATA, 'shape.parquet'), join(folder, 'in/shape.parquet'))
  ;({ simulator, url } = await startSimulator(join(folder, 'simulator'), '--behaviour', '{"inProgressSeconds": 1}'))
})

afterEach(async () => {
  simulator.kill('SIGTERM')
  expect((await simulator.ended).code).toBe(0)
  rmSync(folder, { recursive: true, force: true })
})

function writeJob(prompt: string, more = ''): string {
  const path = join(folder, 'job.yaml')
  writeFileSync(
    path,
    `apiVersion: llmbatch.io/v1alpha1
kind: LlmBatchJob
metadata: {name: nouns}
spec:
  input: {uri: "file:./in/*.parquet"}
  output: {uri: "file:./out/"${more}}
  request: {model: simulated-small, prompt: ${JSON.stringify(prompt)}}
  provider: {type: OpenAI, credentialsSecretRef: {name: openai}}
`,
  )
  return path
}

const args = (job: string): string[] => ['run', job, '--provider', 'simulated', '--simulator-state', join(folder, 'simulator')]

async function billLines(): Promise<{ customId: string; billed: boolean }[]> {
  const text = await (await fetch(`${url}/simulator/bill`)).text()
  return text === '' ? [] : text.trimEnd().split('\n').map((line) => JSON.parse(line) as { customId: string; billed: boolean })
}

async function providerCalls(): Promise<unknown> {
  return ((await (await fetch(`${url}/simulator/state`)).json()) as { calls: unknown }).calls
}

async function answers(name: string): Promise<readonly (string | null)[]> {
  const storage = new FileStorage()
  const file = await storage.head(`file://${join(folder, 'out', name)}`)
  if (file === null) throw new Error(`${name} is missing`)
  const source = makeParquetRowSource(storage)
  const { rows } = await source.inspect(file)
  const found: (string | null)[] = []
  for await (const { values } of source.read(file, [{ path: ['llm_response'], render: 'text' }], 0, rows)) found.push(...(values[0] ?? []))
  return found
}

function expectEnd(end: CliEnd, code: number): CliEnd {
  expect({ ...end, code: end.code }).toMatchObject({ code })
  return end
}

// Several real runs each, on a machine that may be busy.
describe('llmbatch run', { timeout: 120_000 }, () => {
  it('answers each row once, says where the file lies, and asks nothing when it is run again', async () => {
    const job = writeJob('Name {{json words}}: {{gloss.definition}}')
    const first = expectEnd(await runCli(args(job)), 0)
    expect(first.stdout).toContain(`Complete: ${ROWS.shape} rows, none failed`)
    expect(first.stdout).toContain(`1 file in ${join(folder, 'out')}/`)
    expect(first.stdout).toMatch(/gloss\.definition +llm_response\n/)
    expect(await answers('shape.parquet')).toHaveLength(ROWS.shape)
    expect(await answers('shape.parquet')).not.toContain(null)
    const bill = await billLines()
    expect(bill).toHaveLength(ROWS.shape)
    expect(bill.every(({ billed }) => billed)).toBe(true)

    const calls = await providerCalls()
    const { mtimeNs } = statSync(join(folder, 'out/shape.parquet'), { bigint: true })
    const second = expectEnd(await runCli(args(job)), 0)
    expect(second.stdout).toContain(`Already complete: ${ROWS.shape} rows, none failed; no provider call was made`)
    expect(await providerCalls()).toEqual(calls)
    expect(statSync(join(folder, 'out/shape.parquet'), { bigint: true }).mtimeNs).toBe(mtimeNs)
  })

  it('pays for a new file only, and for all rows again when the prompt changes', async () => {
    expectEnd(await runCli(args(writeJob('Name {{json words}}'))), 0)
    copyFileSync(join(DATA, 'feelings/feeling.parquet'), join(folder, 'in/feeling.parquet'))
    expectEnd(await runCli(args(writeJob('Name {{json words}}'))), 0)
    expect(await billLines()).toHaveLength(ROWS.shape + ROWS.feeling)
    const before = await answers('shape.parquet')

    const refused = expectEnd(await runCli(args(writeJob('Name {{json words}}!'))), 64)
    expect(refused.stderr).toContain('OutputExists: ')
    expect(refused.stderr).toContain('`spec.output.ifExists: Overwrite`')
    expect(await billLines()).toHaveLength(ROWS.shape + ROWS.feeling)

    expectEnd(await runCli(args(writeJob('Name {{json words}}!', ', ifExists: Overwrite'))), 0)
    expect(await billLines()).toHaveLength(2 * (ROWS.shape + ROWS.feeling))
    expect((await answers('shape.parquet')).filter((answer, row) => answer === before[row])).toEqual([])
  })

  it.each([['SIGINT', 130], ['SIGTERM', 143]] as const)('stops cleanly on %s and goes on when it is run again', async (signal, code) => {
    const job = writeJob('Name {{json words}}')
    const run = startCli(args(job))
    await run.printed(new RegExp(`${ROWS.shape} submitted`))
    run.kill(signal)
    const stopped = expectEnd(await run.ended, code)
    expect(stopped.stderr).toContain(`Stopped. Run it again to go on where it stopped: llmbatch run ${job} --provider simulated --simulator-state ${join(folder, 'simulator')}`)
    expect(stopped.stdout).toBe('')
    expectEnd(await runCli(args(job)), 0)
    expect(await billLines()).toHaveLength(ROWS.shape)
  })

  it('ends with the reason, the near matches and the way out when the job is wrong', async () => {
    const { stderr, stdout } = expectEnd(await runCli(args(writeJob('Name {{wrods}}'))), 64)
    expect(stderr).toMatch(/^UnknownColumn: .*wrods.*words/m)
    expect(stderr.match(/UnknownColumn: /g)).toHaveLength(1)
    expect(stdout).toBe('')
    expect(await billLines()).toEqual([])
  })

  it('prints the end as JSON', async () => {
    const { stdout } = expectEnd(await runCli([...args(writeJob('{{json words}}')), '-o', 'json']), 0)
    expect(JSON.parse(stdout)).toMatchObject({ job: 'nouns', reason: 'Completed', providerAsked: true, status: { rows: { total: ROWS.shape, failed: 0 } } })
  })

  it('asks a provider by its address with the key of a file', async () => {
    writeFileSync(join(folder, 'key.env'), 'API_KEY=sk-test\n')
    const job = writeJob('{{json words}}')
    writeFileSync(job, readFileSync(job, 'utf8').replace('type: OpenAI', `type: Simulated, baseURL: "${url}/v1"`))
    expectEnd(await runCli(['run', job, '--secret', `openai=${join(folder, 'key.env')}`]), 0)
    expect(await billLines()).toHaveLength(ROWS.shape)
  })
})
