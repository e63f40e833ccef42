import type { ContentWriter } from './store.ts'

const FLUSH_CHARACTERS = 64 * 1024

/** Appends lines to a content. Lines are taken without waiting; flush() hands them on once there are 64 Ki characters of them. */
export class LineWriter {
  readonly #content: ContentWriter
  #text = ''

  constructor(content: ContentWriter) {
    this.#content = content
  }

  /** Takes a line, without its newline. The caller flushes after each block that it read, which bounds what waits here. */
  add(line: string): void {
    this.#text += `${line}\n`
  }

  async flush(): Promise<void> {
    if (this.#text.length >= FLUSH_CHARACTERS) await this.#write()
  }

  /** Makes the content durable; its size in bytes. */
  async commit(): Promise<number> {
    if (this.#text !== '') await this.#write()
    await this.#content.commit()
    return this.#content.bytes
  }

  /** Drops everything. */
  async abandon(): Promise<null> {
    this.#text = ''
    await this.#content.abandon()
    return null
  }

  async #write(): Promise<void> {
    const bytes = Buffer.from(this.#text)
    this.#text = ''
    await this.#content.write(bytes)
  }
}
