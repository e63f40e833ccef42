import type { Batch } from 'openai/resources/batches'
import type { FileObject } from 'openai/resources/files'
import { parseBehaviour } from './behaviour.ts'
import type { BillLine } from './bill.ts'
import type { SimulatorStateView } from './control-api.ts'
import type { HoldView } from './call-script.ts'
import type { SimulatorRequest } from './exchange.ts'
import { MemoryStore } from './memory-store.ts'
import { ProviderSimulator } from './provider-simulator.ts'
import type { SimulatorStore } from './store.ts'

/** One answer, read to its end. */
export interface Answer<T> {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** The text as JSON; throws when it is none. */
  json(): T
}

/** A row of an input file that asks one question. */
export function chatRow(customId: string, question: string, model = 'gpt-5-mini'): string {
  const body = { model, messages: [{ role: 'user', content: question }] }
  return JSON.stringify({ custom_id: customId, method: 'POST', url: '/v1/chat/completions', body })
}

/** Test harness: a simulator in this process, in virtual time that only the test moves. */
export class VirtualProvider {
  /** Milliseconds since 1970. */
  now = 1_700_000_000_000
  apiKey = 'sk-test'
  readonly simulator: ProviderSimulator

  constructor(behaviour: unknown = {}, store: SimulatorStore = new MemoryStore()) {
    this.simulator = new ProviderSimulator({ clock: { now: () => this.now }, store, behaviour: parseBehaviour(behaviour) })
  }

  async call<T>(method: string, path: string, body: string | object = '', headers: SimulatorRequest['headers'] = {}): Promise<Answer<T>> {
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      for (let from = 0; from < bytes.length; from += 1000) yield bytes.subarray(from, from + 1000)
    }
    const response = await this.simulator.handle({ method, path, headers: { authorization: `Bearer ${this.apiKey}`, ...headers }, body: pieces() })
    const chunks: Uint8Array[] = []
    if (typeof response.body === 'string') chunks.push(Buffer.from(response.body))
    else for await (const chunk of response.body) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString('utf8')
    return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) as T }
  }

  /** Uploads lines; `fields` go before the file. */
  async upload(lines: readonly string[], fields: Readonly<Record<string, string>> = { purpose: 'batch' }, filename = 'rows.jsonl'): Promise<Answer<FileObject>> {
    const plain = Object.entries(fields).map(([name, value]) => `--edge\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
    const file = `--edge\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\n\r\n${lines.map((line) => `${line}\n`).join('')}\r\n--edge--\r\n`
    return this.call('POST', '/v1/files', plain.join('') + file, { 'content-type': 'multipart/form-data; boundary=edge' })
  }

  createBatch(inputFileId: string, more: object = {}): Promise<Answer<Batch>> {
    return this.call('POST', '/v1/batches', { input_file_id: inputFileId, endpoint: '/v1/chat/completions', completion_window: '24h', ...more })
  }

  /** Uploads lines and creates a batch of them. */
  async submit(lines: readonly string[]): Promise<Batch> {
    return (await this.createBatch((await this.upload(lines)).json().id)).json()
  }

  async batch(id: string): Promise<Batch> {
    return (await this.call<Batch>('GET', `/v1/batches/${id}`)).json()
  }

  /** The lines of a file, parsed. */
  async lines(fileId: string | undefined): Promise<unknown[]> {
    if (fileId === undefined) return []
    return parseLines((await this.call('GET', `/v1/files/${fileId}/content`)).text)
  }

  async bill(): Promise<BillLine[]> {
    return parseLines<BillLine>((await this.call('GET', '/simulator/bill')).text)
  }

  async state(): Promise<SimulatorStateView> {
    return (await this.call<SimulatorStateView>('GET', '/simulator/state')).json()
  }

  async hold(call: string, when: 'before' | 'after', n = 1): Promise<HoldView> {
    return (await this.call<HoldView>('POST', '/simulator/holds', { call, when, n })).json()
  }

  async endHold(id: string, how: 'release' | 'drop'): Promise<void> {
    await this.call('POST', `/simulator/holds/${id}/${how}`)
  }

  async holdState(id: string): Promise<string | undefined> {
    const { data } = (await this.call<{ data: HoldView[] }>('GET', '/simulator/holds')).json()
    return data.find((hold) => hold.id === id)?.state
  }
}

/** JSON lines, parsed. */
export function parseLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}
