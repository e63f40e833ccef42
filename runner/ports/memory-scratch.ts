import type { Scratch, ScratchFile } from './scratch.ts'
import { checkScratchRange, scratchWindows } from './scratch-range.ts'

/** Scratch in this process's memory, for simulations and tests: deterministic, without timers, unbounded. */
export class MemoryScratch implements Scratch {
  readonly #files = new Set<MemoryScratchFile>()

  async create(): Promise<ScratchFile> {
    await Promise.resolve()
    const file = new MemoryScratchFile(() => this.#files.delete(file))
    this.#files.add(file)
    return file
  }

  /** Bytes in the files that were not removed: a runner that ended well leaves none. */
  get bytesHeld(): number {
    return [...this.#files].reduce((sum, file) => sum + file.size, 0)
  }

  /** Files that were not removed. */
  get filesHeld(): number {
    return this.#files.size
  }
}

class MemoryScratchFile implements ScratchFile {
  readonly #forget: () => void
  #bytes = new Uint8Array(1024)
  #size = 0
  #removed = false

  constructor(forget: () => void) {
    this.#forget = forget
  }

  get size(): number {
    return this.#size
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#checkOpen()
    const end = this.#size + bytes.length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, this.#size))
      this.#bytes = grown
    }
    this.#bytes.set(bytes, this.#size)
    this.#size = end
    await Promise.resolve()
  }

  async read(from: number, to: number): Promise<Uint8Array> {
    this.#checkOpen()
    checkScratchRange(from, to, this.#size)
    await Promise.resolve()
    return this.#bytes.slice(from, to)
  }

  async *stream(from: number, to: number): AsyncIterable<Uint8Array> {
    this.#checkOpen()
    checkScratchRange(from, to, this.#size)
    for (const window of scratchWindows(from, to)) yield await this.read(window.from, window.to)
  }

  async remove(): Promise<void> {
    await Promise.resolve()
    this.#removed = true
    this.#bytes = new Uint8Array(0)
    this.#size = 0
    this.#forget()
  }

  #checkOpen(): void {
    if (this.#removed) throw new TypeError('the scratch file was removed')
  }
}
