/** Longest line that is read, in bytes: bounds what a stream without line ends can take. */
export const LINE_LIMIT = 16 * 1024 * 1024

/** Splits a byte stream into lines, without their ends; empty lines are skipped. Memory: one line. Throws RangeError on a line over LINE_LIMIT. */
export async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Uint8Array[] = []
  let held = 0
  for await (const piece of body) {
    let from = 0
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
      const line = Buffer.concat([...rest, piece.subarray(from, end)]).toString('utf8')
      rest = []
      held = 0
      from = end + 1
      if (line.trim() !== '') yield line
    }
    held += piece.length - from
    if (held > LINE_LIMIT) throw new RangeError(`a line is longer than ${LINE_LIMIT} bytes`)
    // Copied: the producer may use its buffer again.
    if (from < piece.length) rest.push(Buffer.from(piece.subarray(from)))
  }
  const last = Buffer.concat(rest).toString('utf8')
  if (last.trim() !== '') yield last
}
