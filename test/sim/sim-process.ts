import { createHash } from 'node:crypto'
import type { Clock } from '../../runner/ports/clock.ts'
import type { ProviderHttp } from '../../runner/ports/provider-http.ts'
import { ProviderConnectionError } from '../../runner/ports/provider-http.ts'
import type { Random } from '../../runner/ports/random.ts'
import type { Scratch, ScratchFile } from '../../runner/ports/scratch.ts'
import type { Storage } from '../../runner/storage/storage.ts'
import { SeededRandom } from './seeded-random.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What goes wrong at one step. Steps count every I/O call of every process, from 1. */
export interface Fault {
  readonly step: number
  /** Before the call takes effect, or after it did and before the process learns of it. */
  readonly when: 'before' | 'after'
  /** Kill the process that makes the call, kill every process of its run, or stop it for a while. */
  readonly what: 'KillProcess' | 'KillRun' | { readonly pauseMs: number }
}

/** A promise that never settles: what a dead process sees of the world. */
const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

/** Counts steps, deals out faults, and keeps the trace that two runs of one seed must share. */
export class FaultPlan {
  readonly #faults: ReadonlyMap<string, Fault>
  readonly #hash = createHash('sha256')
  readonly #lines: string[] = []
  #steps = 0

  constructor(faults: readonly Fault[]) {
    this.#faults = new Map(faults.map((fault) => [`${fault.step} ${fault.when}`, fault]))
  }

  next(process: string, what: string): number {
    this.#steps++
    this.note(`${this.#steps} ${process} ${what}`)
    return this.#steps
  }

  faultAt(step: number, when: Fault['when']): Fault | undefined {
    return this.#faults.get(`${step} ${when}`)
  }

  note(line: string): void {
    this.#hash.update(`${line}\n`)
    this.#lines.push(line)
  }

  get steps(): number {
    return this.#steps
  }

  traceHash(): string {
    return this.#hash.copy().digest('hex')
  }

  get lines(): readonly string[] {
    return this.#lines
  }

  /** The last steps, for a failing test's message. */
  tail(count: number): string {
    return this.#lines.slice(-count).join('\n')
  }
}

/** A simulated process: all it does to the world goes through `call`, and there it can be killed or stopped. */
export class SimProcess {
  readonly name: string
  /** Resolves when the process is killed. */
  readonly killed: Promise<void>
  #markKilled: () => void = () => undefined
  #dead = false
  readonly #time: VirtualTime
  readonly #plan: FaultPlan
  readonly #random: SeededRandom
  readonly #killRun: () => void
  readonly #started: number
  readonly #clockSkewMs: number

  constructor(name: string, time: VirtualTime, plan: FaultPlan, seed: string, clockSkewMs: number, killRun: () => void) {
    this.name = name
    this.#time = time
    this.#plan = plan
    this.#random = new SeededRandom(`${seed}/${name}`)
    this.#killRun = killRun
    this.#started = time.now()
    this.#clockSkewMs = Math.floor((this.#random.next() * 2 - 1) * clockSkewMs)
    this.killed = new Promise((resolve) => {
      this.#markKilled = resolve
    })
  }

  get dead(): boolean {
    return this.#dead
  }

  kill(): void {
    this.#dead = true
    this.#markKilled()
  }

  /** One I/O call: it takes a few virtual milliseconds, and the process may not live to see its answer. */
  async call<T>(what: string, act: () => Promise<T>): Promise<T> {
    if (this.#dead) return never()
    const step = this.#plan.next(this.name, what)
    await this.#suffer(this.#plan.faultAt(step, 'before'))
    await this.#time.sleep(1 + Math.floor(this.#random.next() * 8))
    if (this.#dead) return never()
    try {
      const result = await act()
      await this.#suffer(this.#plan.faultAt(step, 'after'))
      return this.#dead ? await never<T>() : result
    } catch (error) {
      if (this.#dead) return never()
      throw error
    }
  }

  async #suffer(fault: Fault | undefined): Promise<void> {
    if (fault === undefined) return
    this.#plan.note(`fault: ${JSON.stringify(fault)} at ${this.name}`)
    if (fault.what === 'KillProcess') this.kill()
    else if (fault.what === 'KillRun') this.#killRun()
    else await this.#time.sleep(fault.what.pauseMs)
    if (this.#dead) await never()
  }

  /** Wall clocks differ between processes, and nothing may rest on them. */
  clock(): Clock {
    return {
      now: () => this.#time.now() + this.#clockSkewMs,
      monotonic: () => this.#time.now() - this.#started,
      sleep: async (ms, signal) => {
        await this.#time.sleep(ms, signal)
        if (this.#dead) await never()
      },
    }
  }

  random(): Random {
    return { bytes: (count) => this.#random.bytes(count) }
  }

  storage(inner: Storage): Storage {
    const call = this.call.bind(this)
    const stream = this.#stream.bind(this)
    return {
      head: (uri) => call(`head ${uri}`, () => inner.head(uri)),
      get: (uri) => call(`get ${uri}`, () => inner.get(uri)),
      read: (uri, from, to, ifMatch) => stream(`read ${uri} ${from}-${to}`, () => inner.read(uri, from, to, ifMatch)),
      put: (uri, bytes, condition) => call(`put ${uri} ${bytes.length} ${Object.keys(condition).join()}`, () => inner.put(uri, bytes, condition)),
      list: (prefix) => stream(`list ${prefix}`, () => inner.list(prefix)),
      remove: (uri) => call(`remove ${uri}`, () => inner.remove(uri)),
      beginUpload: (uri) => call(`beginUpload ${uri}`, () => inner.beginUpload(uri)),
      uploadPart: (uri, id, part, bytes) => call(`uploadPart ${uri} ${part}`, () => inner.uploadPart(uri, id, part, bytes)),
      copyPart: (uri, id, part, source) => call(`copyPart ${uri} ${part}`, () => inner.copyPart(uri, id, part, source)),
      completeUpload: (uri, id, parts, condition) => call(`completeUpload ${uri}`, () => inner.completeUpload(uri, id, parts, condition)),
      listUploads: (uri) => call(`listUploads ${uri}`, () => inner.listUploads(uri)),
      listFolderUploads: (folder) => call(`listFolderUploads ${folder}`, () => inner.listFolderUploads(folder)),
      abortUpload: (uri, id) => call(`abortUpload ${uri}`, () => inner.abortUpload(uri, id)),
    }
  }

  http(inner: ProviderHttp): ProviderHttp {
    return async (request) => {
      const { body } = request
      const sent = body === undefined || typeof body === 'string' ? request : { ...request, body: this.#breaking(body) }
      const response = await this.call(`${request.method} ${new URL(request.url).pathname}`, () => inner(sent))
      return { ...response, body: this.#stream('answer', () => response.body) }
    }
  }

  scratch(inner: Scratch): Scratch {
    return { create: () => this.call('scratch create', async () => this.#scratchFile(await inner.create())) }
  }

  #scratchFile(file: ScratchFile): ScratchFile {
    const call = this.call.bind(this)
    const stream = this.#stream.bind(this)
    return {
      get size() {
        return file.size
      },
      append: (bytes) => file.append(bytes),
      read: (from, to) => call('scratch read', () => file.read(from, to)),
      stream: (from, to) => stream('scratch stream', () => file.stream(from, to)),
      remove: () => call('scratch remove', () => file.remove()),
    }
  }

  async *#stream<T>(what: string, open: () => AsyncIterable<T>): AsyncGenerator<T> {
    await this.call(what, () => Promise.resolve())
    for await (const piece of open()) {
      if (this.#dead) await never()
      yield piece
    }
  }

  /** A request's body, which ends in a reset connection when its sender dies. */
  async *#breaking(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const iterator = body[Symbol.asyncIterator]()
    for (;;) {
      const next = await Promise.race([iterator.next(), this.killed])
      if (next === undefined) throw new ProviderConnectionError('the sender died')
      if (next.done === true) return
      yield next.value
    }
  }
}
