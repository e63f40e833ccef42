/** Longest head of a part. */
export const MAX_PART_HEAD_BYTES = 16 * 1024

/** The body is not multipart/form-data as RFC 7578 has it. */
export class MultipartError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MultipartError'
  }
}

/** One part of a form. Its content is read before the next part is asked for; what is left unread is skipped. */
export interface FormPart {
  readonly name: string
  /** Null when the part is a plain field. */
  readonly filename: string | null
  readonly content: AsyncIterable<Uint8Array>
}

/** The boundary in a content-type header; null when it is not multipart/form-data. */
export function boundaryOf(contentType: string | undefined): string | null {
  const match = /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType ?? '')
  return match?.[1] ?? match?.[2] ?? null
}

const LINE_END = Buffer.from('\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')

/** Bytes that have come and are not consumed yet: at most what is asked for and one piece of the body. */
class Window {
  bytes: Buffer = Buffer.alloc(0)
  readonly #pieces: AsyncIterator<Uint8Array>

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#pieces = body[Symbol.asyncIterator]()
  }

  /** Adds the next piece; throws at the end of the body. */
  async more(): Promise<void> {
    const next = await this.#pieces.next()
    if (next.done === true) throw new MultipartError('the body ends before its last boundary')
    const piece = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength)
    this.bytes = this.bytes.length === 0 ? piece : Buffer.concat([this.bytes, piece])
  }

  take(count: number): Buffer {
    const taken = this.bytes.subarray(0, count)
    this.bytes = this.bytes.subarray(count)
    return taken
  }

  /** Takes `count` bytes, waiting for them. */
  async exactly(count: number): Promise<Buffer> {
    while (this.bytes.length < count) await this.more()
    return this.take(count)
  }

  /** Takes the bytes before `mark`, and the mark itself. */
  async until(mark: Buffer, bound: number): Promise<Buffer> {
    for (;;) {
      const at = this.bytes.indexOf(mark)
      if (at !== -1 && at <= bound) {
        const taken = this.take(at)
        this.take(mark.length)
        return taken
      }
      if (this.bytes.length > bound + mark.length) throw new MultipartError(`a part's head is longer than ${bound} bytes`)
      await this.more()
    }
  }

  /** Reads the body to its end: a client may still be sending the epilogue. */
  async skipRest(): Promise<void> {
    this.bytes = Buffer.alloc(0)
    for (let next = await this.#pieces.next(); next.done !== true; next = await this.#pieces.next());
  }
}

interface PartEnd {
  /** Whether the part's delimiter has been consumed. */
  reached: boolean
}

/** The bytes before the delimiter, which is consumed too. */
async function* contentUntil(window: Window, delimiter: Buffer, end: PartEnd): AsyncGenerator<Uint8Array> {
  while (!end.reached) {
    const at = window.bytes.indexOf(delimiter)
    if (at !== -1) {
      const last = window.take(at)
      window.take(delimiter.length)
      end.reached = true
      if (last.length > 0) yield last
      return
    }
    // The last bytes may be the delimiter's beginning.
    const safe = window.bytes.length - delimiter.length + 1
    if (safe > 0) yield window.take(safe)
    await window.more()
  }
}

function unquote(value: string): string {
  return value.replace(/\\(.)/g, '$1')
}

function parameterOf(disposition: string, name: string): string | null {
  const match = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;]+))`, 'i').exec(disposition)
  return match === null ? null : unquote(match[1] ?? match[2] ?? '')
}

/** Browsers and fetch() write a quote and line ends in names as these three escapes. */
function unescapeName(value: string): string {
  return value.replace(/%22/g, '"').replace(/%0D/g, '\r').replace(/%0A/g, '\n')
}

function readHead(head: string): { readonly name: string; readonly filename: string | null } {
  const line = head.split('\r\n').find((each) => /^content-disposition\s*:/i.test(each))
  const disposition = line?.slice(line.indexOf(':') + 1).trim() ?? ''
  const name = /^form-data\b/i.test(disposition) ? parameterOf(disposition, 'name') : null
  if (name === null) throw new MultipartError('a part has no name')
  const filename = parameterOf(disposition, 'filename')
  return { name: unescapeName(name), filename: filename === null ? null : unescapeName(filename) }
}

/**
 * Reads a multipart/form-data body part by part, in constant memory: it holds one piece of the body, a delimiter, and a
 * part's head of at most MAX_PART_HEAD_BYTES. Throws MultipartError for a body that is malformed or ends early.
 */
export async function* readMultipart(body: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<FormPart> {
  const window = new Window(body)
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  // The first delimiter may stand at the very start, without the line end that belongs to it.
  window.bytes = LINE_END
  for await (const preamble of contentUntil(window, delimiter, { reached: false })) void preamble
  for (;;) {
    const mark = await window.exactly(2)
    if (mark.toString('latin1') === '--') return window.skipRest()
    if (!mark.equals(LINE_END)) throw new MultipartError('a boundary is followed by neither a line end nor --')
    const head = readHead((await window.until(HEAD_END, MAX_PART_HEAD_BYTES)).toString('utf8'))
    const end: PartEnd = { reached: false }
    yield { ...head, content: contentUntil(window, delimiter, end) }
    // Another generator, since a reader's break ends the first one.
    for await (const rest of contentUntil(window, delimiter, end)) void rest
  }
}
