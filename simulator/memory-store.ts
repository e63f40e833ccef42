import type { StateRecord } from './records.ts'
import type { ContentWriter, SimulatorStore } from './store.ts'

/** State in memory: for simulations in virtual time. It waits for nothing but microtasks. */
export class MemoryStore implements SimulatorStore {
  readonly identity: string
  readonly #records = new Map<string, StateRecord>()
  readonly #contents = new Map<string, readonly Uint8Array[]>()

  constructor(identity = 'memory') {
    this.identity = identity
  }

  async load(): Promise<StateRecord[]> {
    return [...this.#records.values()].sort((a, b) => a.sequence - b.sequence)
  }

  async put(records: readonly StateRecord[]): Promise<void> {
    for (const record of records) this.#records.set(record.id, record)
  }

  async createContent(name: string): Promise<ContentWriter> {
    return new MemoryContentWriter((pieces) => this.#contents.set(name, pieces))
  }

  async *readContent(name: string): AsyncGenerator<Uint8Array> {
    const pieces = this.#contents.get(name)
    if (pieces === undefined) throw new Error(`the simulator's state has no content ${name}`)
    yield* pieces
  }

  async removeContent(name: string): Promise<void> {
    this.#contents.delete(name)
  }
}

class MemoryContentWriter implements ContentWriter {
  bytes = 0
  readonly #keep: (pieces: readonly Uint8Array[]) => void
  #pieces: Uint8Array[] = []

  constructor(keep: (pieces: readonly Uint8Array[]) => void) {
    this.#keep = keep
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#pieces.push(bytes)
    this.bytes += bytes.byteLength
  }

  async commit(): Promise<void> {
    this.#keep(this.#pieces)
  }

  async abandon(): Promise<void> {
    this.#pieces = []
  }
}
