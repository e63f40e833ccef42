import { copyFileSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, startSimulator, type CliProcess } from './cli-process.ts'

/** 10 rows: id, title. */
const FILE = fileURLToPath(new URL('../test/sim/testdata/b.parquet', import.meta.url))
const ROWS = 10
const NAMES = [
  'with blanks.parquet', 'Größe \u00e9.parquet', 'Größe e\u0301.parquet', '日本語 😀.parquet', 'dt=2026-01-01/region=eu west/part-0.parquet', '100%.parquet', 'a%20b.parquet', 'a#b?c.parquet', "it's+1 & 2;3.parquet", 'x[1]{2,3}.parquet', '"quoted" $HOME `x`\\n.parquet',
]

let folder = ''
let simulator: CliProcess
let url = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'llmbatch input names %20 é '))
  ;({ simulator, url } = await startSimulator(join(folder, 'simulator')))
}, 30_000)

afterAll(async () => {
  simulator.kill('SIGTERM')
  await simulator.ended
  rmSync(folder, { recursive: true, force: true })
})

describe('input files', () => {
  it('may have any name, and a file that has two is asked once', { timeout: 60_000 }, async () => {
    for (const name of NAMES) {
      mkdirSync(join(folder, 'in', dirname(name)), { recursive: true })
      copyFileSync(FILE, join(folder, 'in', name))
    }
    linkSync(join(folder, 'in', NAMES[0] ?? ''), join(folder, 'in/second name.parquet'))
    writeFileSync(
      join(folder, 'job.yaml'),
      `{apiVersion: llmbatch.io/v1alpha1, kind: LlmBatchJob, metadata: {name: names}, spec: {input: {uri: "file:./in/**"}, output: {uri: "file:./out/"},
        request: {model: simulated-small, prompt: "{{title}}"}, provider: {type: Simulated}}}`,
    )
    const { code, stderr } = await runCli(['run', join(folder, 'job.yaml'), '--simulator-state', join(folder, 'simulator')])
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    const written = readdirSync(join(folder, 'out'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.parquet'))
    expect(written.sort()).toEqual([...NAMES, 'second name.parquet'].sort())
    const bill = (await (await fetch(`${url}/simulator/bill`)).text()).trimEnd().split('\n').map((line) => JSON.parse(line) as { customId: string; billed: boolean })
    expect(bill).toHaveLength(NAMES.length * ROWS)
    expect(new Set(bill.map(({ customId }) => customId)).size).toBe(bill.length)
  })
})
