/** Bytes of a column chunk, read front to back. Memory: what `take` or `peek` asks for, and a storage window. */
export class ChunkBytes {
  readonly #pieces: AsyncIterator<Uint8Array>
  #buffer: Uint8Array = new Uint8Array(0)
  #ended = false

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#pieces = stream[Symbol.asyncIterator]()
  }

  /** The next `size` bytes without taking them; fewer at the end. */
  async peek(size: number): Promise<Uint8Array> {
    await this.#fill(size)
    return this.#buffer.subarray(0, size)
  }

  /** Takes the next `size` bytes, as an array with a buffer of its own; null when fewer are left. */
  async take(size: number): Promise<Uint8Array<ArrayBuffer> | null> {
    await this.#fill(size)
    if (this.#buffer.length < size) return null
    const taken = new Uint8Array(this.#buffer.subarray(0, size))
    this.#buffer = this.#buffer.subarray(size)
    return taken
  }

  /** Passes over `size` bytes; false when fewer are left. Memory: a storage window. */
  async skip(size: number): Promise<boolean> {
    let rest = size
    while (this.#buffer.length < rest) {
      rest -= this.#buffer.length
      this.#buffer = new Uint8Array(0)
      await this.#fill(1)
      if (this.#buffer.length === 0) return false
    }
    this.#buffer = this.#buffer.subarray(rest)
    return true
  }

  /** Ends the stream behind it. */
  async close(): Promise<void> {
    this.#ended = true
    await this.#pieces.return?.()
  }

  async #fill(size: number): Promise<void> {
    if (this.#buffer.length >= size || this.#ended) return
    const pieces = [this.#buffer]
    let length = this.#buffer.length
    while (length < size && !this.#ended) {
      const next = await this.#pieces.next()
      if (next.done === true) {
        this.#ended = true
      } else {
        pieces.push(next.value)
        length += next.value.length
      }
    }
    this.#buffer = Buffer.concat(pieces)
  }
}
