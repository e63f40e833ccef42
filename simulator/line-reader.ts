import { isUtf8 } from 'node:buffer'

/** A longer line counts as unreadable; so this bounds what is held of a file, beside one piece of it. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024

const NEWLINE = 0x0a

function decode(line: Buffer): string | null {
  return isUtf8(line) ? line.toString('utf8') : null
}

/**
 * Cuts bytes into lines, block by block so that a caller handles thousands of them without waiting. A line that is not
 * UTF-8 or too long comes as null. The newline that ends the last line begins no further one.
 */
export async function* readLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<(string | null)[]> {
  // Beginning of a line whose end is still to come.
  let pieces: Buffer[] = []
  let held = 0
  for await (const piece of bytes) {
    const block = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    const last = block.lastIndexOf(NEWLINE)
    if (last === -1) {
      held += block.length
      if (held <= MAX_LINE_BYTES) pieces.push(block)
      else pieces = []
      continue
    }
    const first = block.indexOf(NEWLINE)
    held += first
    const lines: (string | null)[] = [held <= MAX_LINE_BYTES ? decode(Buffer.concat([...pieces, block.subarray(0, first)])) : null]
    if (last > first) {
      const whole = block.subarray(first + 1, last)
      if (isUtf8(whole)) {
        // Not a spread into push(): a block may hold more lines than a call takes arguments.
        for (const line of whole.toString('utf8').split('\n')) lines.push(line)
      } else {
        for (let from = 0; from <= whole.length; ) {
          const end = whole.indexOf(NEWLINE, from)
          lines.push(decode(whole.subarray(from, end === -1 ? whole.length : end)))
          from = (end === -1 ? whole.length : end) + 1
        }
      }
    }
    const rest = block.subarray(last + 1)
    // A copy, so that one short beginning does not keep a whole piece alive.
    pieces = rest.length === 0 ? [] : [Buffer.from(rest)]
    held = rest.length
    yield lines
  }
  if (held > 0) yield [held <= MAX_LINE_BYTES ? decode(Buffer.concat(pieces)) : null]
}
