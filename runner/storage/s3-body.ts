import { Readable } from 'node:stream'
import { READ_WINDOW } from './upload-parts.ts'

/** An answer's body that cannot be what the store has. The code makes it count as a broken connection. */
class BodyError extends Error {
  readonly code = 'ERR_BODY'
}

/** The body of an answer. Throws when it is none that can be streamed. */
export function streamOf(body: unknown): Readable {
  if (body instanceof Readable) return body
  throw new TypeError('the answer has no body to stream')
}

/**
 * The body of an answer in windows of at most `READ_WINDOW`, pulled as they are taken. Throws when it does not have exactly `size` bytes.
 * A reader that stops early closes the connection.
 */
export async function* windowsOf(body: Readable, size: number): AsyncGenerator<Uint8Array> {
  const pieces: AsyncIterable<Buffer> = body
  let received = 0
  for await (const piece of pieces) {
    received += piece.length
    if (received > size) throw new BodyError(`the body has more than ${size} bytes`)
    for (let at = 0; at < piece.length; at += READ_WINDOW) yield piece.subarray(at, at + READ_WINDOW)
  }
  if (received !== size) throw new BodyError(`the body ended after ${received} of ${size} bytes`)
}

/** The size of an object whose bytes [from, to) were asked for, by the answer's Content-Range; null when it answers something else. */
export function sizeByContentRange(contentRange: string | undefined, from: number, to: number): number | null {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange ?? '')
  if (match === null) return null
  const [first, last, size] = match.slice(1).map(Number)
  if (first !== from || last === undefined || size === undefined) return null
  // A range past the end is cut off there.
  return last === Math.min(to, size) - 1 ? size : null
}
