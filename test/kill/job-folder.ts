import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { expect } from 'vitest'
import { answerTo } from '../../simulator/answer.ts'
import { ensureSimulator } from '../../simulator/detached.ts'
import { readAddress } from '../../simulator/serve.ts'
import { startCli, type CliEnd, type CliProcess } from '../../cli/cli-process.ts'

const DATA = fileURLToPath(new URL('../../examples/nouns/data/', import.meta.url))

/** Files of the example that the tests use, with their paths. */
export const FILES = { shape: 'shape.parquet', feeling: 'feelings/feeling.parquet', phenomenon: 'nature/phenomenon.parquet' } as const

type Row = Readonly<Record<string, unknown>>

interface Hold {
  readonly id: string
  readonly state: 'waiting' | 'holding' | 'released' | 'dropped'
}

/** Where a job's input and output lie. */
export interface Place {
  /** Root of `data/` and `out/`; ends in `/`. */
  readonly root: string
  /** Further fields of the spec: `storage`, `work`. */
  readonly spec?: object
  /** What the command line finds in its environment. */
  readonly env: Readonly<Record<string, string>>
  putInput(file: string, bytes: Uint8Array): Promise<void>
  readOutput(file: string): Promise<Uint8Array>
  /** What the job should not have left: temporary files and locks beside the output, unfinished uploads. */
  leftovers(): Promise<readonly string[]>
}

/** Files beside the manifest. */
function folderPlace(path: string): Place {
  return {
    root: 'file:./',
    env: {},
    putInput: async (file, bytes) => {
      const target = join(path, 'data', file)
      mkdirSync(join(target, '..'), { recursive: true })
      writeFileSync(target, bytes)
    },
    readOutput: async (file) => readFileSync(join(path, 'out', file)),
    leftovers: async () => readdirSync(join(path, 'out')).filter((name) => name.startsWith('.')),
  }
}

/** A folder with a job and a simulator of its own, and a place with its input. */
export class JobFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'llmbatch-kill-'))
  readonly place: Place
  /** Files of the example by their names in the input. */
  readonly #inputs = new Map<string, string>()
  #prompt = 'Meaning: {{gloss.definition}}'
  #url = ''

  private constructor(place: (path: string) => Place) {
    this.place = place(this.path)
  }

  static async make(files: readonly string[], place: (path: string) => Place = folderPlace): Promise<JobFolder> {
    const folder = new JobFolder(place)
    for (const file of files) await folder.addInput(file)
    folder.writeJob('Fail')
    folder.#url = (await ensureSimulator(folder.#state)).url
    return folder
  }

  get #state(): string {
    return join(this.path, 'simulator')
  }

  /** Puts a file of the example in the input, under another name if one is given. */
  async addInput(file: string, name = file): Promise<void> {
    await this.place.putInput(name, readFileSync(join(DATA, file)))
    this.#inputs.set(name, file)
  }

  /** Writes the manifest. Small shards, so that each file is one. */
  writeJob(ifExists: 'Fail' | 'Overwrite', prompt = this.#prompt): void {
    this.#prompt = prompt
    const spec = {
      input: { uri: `${this.place.root}data/**/*.parquet` },
      output: { uri: `${this.place.root}out/`, ifExists },
      ...this.place.spec,
      request: { model: 'simulated-small', prompt },
      provider: { type: 'Simulated' },
      runner: { parallelism: 2, shardRows: 1000 },
    }
    // JSON is YAML.
    this.writeManifest(JSON.stringify({ apiVersion: 'llmbatch.io/v1alpha1', kind: 'LlmBatchJob', metadata: { name: 'kill' }, spec }))
  }

  writeManifest(text: string): void {
    writeFileSync(join(this.path, 'job.yaml'), text)
  }

  manifest(): string {
    return readFileSync(join(this.path, 'job.yaml'), 'utf8')
  }

  start(): CliProcess {
    return startCli(['run', join(this.path, 'job.yaml'), '--simulator-state', this.#state], this.place.env)
  }

  /** Runs the job to its end and checks that it ended well. */
  async finish(): Promise<CliEnd> {
    const end = await this.start().ended
    expect(end.code, end.stderr).toBe(0)
    return end
  }

  /** Every row of every input once, unchanged, with the answer to its own words; the bill holds each row once. */
  async expectRight(editions = 1): Promise<void> {
    let rows = 0
    for (const [name, file] of this.#inputs) {
      const before = await rowsOf(readFileSync(join(DATA, file)))
      const after = await rowsOf(await this.place.readOutput(name))
      expect(after.map(({ synset, words, gloss }) => ({ synset, words, gloss }))).toEqual(before)
      expect(after.map((row) => row['llm_response'])).toEqual(before.map((row) => this.#expected(row)))
      rows += before.length
    }
    const bill = (await this.bill()).filter((line) => line.billed)
    expect(bill.length, 'billed rows').toBe(rows * editions)
    expect(new Set(bill.map((line) => line.customId.split('-').slice(0, 2).join('-'))).size, 'different rows billed').toBe(rows * editions)
    expect(await this.place.leftovers(), 'leftovers').toEqual([])
  }

  async bill(): Promise<{ readonly customId: string; readonly billed: boolean }[]> {
    const text = await (await fetch(`${this.#url}/simulator/bill`)).text()
    return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as { customId: string; billed: boolean })
  }

  /** Provider calls so far, by endpoint. */
  async calls(): Promise<Readonly<Record<string, number>>> {
    const state = (await (await fetch(`${this.#url}/simulator/state`)).json()) as { calls: Record<string, number> }
    return state.calls
  }

  async hold(call: string, when: 'before' | 'after'): Promise<Hold> {
    const response = await fetch(`${this.#url}/simulator/holds`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ call, n: 1, when }) })
    expect(response.status).toBe(200)
    return (await response.json()) as Hold
  }

  async untilHeld(hold: Hold): Promise<void> {
    for (;;) {
      const list = (await (await fetch(`${this.#url}/simulator/holds`)).json()) as { data: Hold[] }
      if (list.data.find(({ id }) => id === hold.id)?.state === 'holding') return
      await sleep(20)
    }
  }

  async endHold(hold: Hold, verb: 'release' | 'drop'): Promise<void> {
    const response = await fetch(`${this.#url}/simulator/holds/${hold.id}/${verb}`, { method: 'POST' })
    expect(response.status).toBe(200)
  }

  /** Stops the simulator and removes the folder. */
  async remove(): Promise<void> {
    const address = await readAddress(this.#state)
    if (address !== null) {
      process.kill(address.process.pid, 'SIGTERM')
      while ((await readAddress(this.#state)) !== null) await sleep(20)
    }
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 })
  }

  #expected(row: Row): string {
    const gloss = row['gloss'] as { definition: string }
    const content = this.#prompt.replace('{{gloss.definition}}', gloss.definition)
    return answerTo({ model: 'simulated-small', messages: [{ role: 'user', content }] }).content
  }
}

async function rowsOf(file: Uint8Array): Promise<Row[]> {
  return (await parquetReadObjects({ file: new Uint8Array(file).buffer, compressors })) as Row[]
}

/** Processes that a process started and that live. Linux only. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid ? [Number(name)] : []
    } catch (error) {
      // It has just ended.
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return []
      throw error
    }
  })
}
