/** The end of a stream of text: keeps the last `limit` bytes and nothing more. */
export class TextTail {
  readonly #limit: number
  #bytes: Buffer = Buffer.alloc(0)

  constructor(limit: number) {
    this.#limit = limit
  }

  push(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(Math.max(0, chunk.length - this.#limit))])
    if (this.#bytes.length > this.#limit) this.#bytes = Buffer.from(this.#bytes.subarray(this.#bytes.length - this.#limit))
  }

  /** The kept end without half a character at its start, trimmed. */
  toString(): string {
    let start = 0
    while (start < this.#bytes.length && ((this.#bytes[start] ?? 0) & 0xc0) === 0x80) start++
    return this.#bytes.subarray(start).toString('utf8').trim()
  }
}
