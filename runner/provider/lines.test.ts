import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collectItems } from '../storage/collect.ts'
import { LINE_LIMIT, linesOf } from './lines.ts'

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  // One buffer for all, as a socket's reader may have.
  const buffer = new Uint8Array(bytes.length)
  for (const [i, from] of places.entries()) {
    const piece = buffer.subarray(0, (places[i + 1] ?? bytes.length) - from)
    piece.set(bytes.subarray(from, from + piece.length))
    yield await Promise.resolve(piece)
    buffer.fill(0x23)
  }
}

describe('lines of a stream', () => {
  it('are those of the text, wherever the stream is cut: within a character, within CRLF, at a line end', async () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\n\r]/g, ''))
    const ending = fc.constantFrom('\n', '\r\n', '\n\n')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(line, ending)), line, fc.array(fc.nat()), async (ended, last, cuts) => {
        const text = ended.map(([each, end]) => each + end).join('') + last
        const expected = text.split('\n').filter((each) => each.trim() !== '')
        expect(await collectItems(linesOf(pieces(Buffer.from(text), cuts)))).toEqual(expected)
      }),
    )
  })

  it('are none in an empty stream', async () => {
    expect(await collectItems(linesOf(pieces(Buffer.from(''), [])))).toEqual([])
    expect(await collectItems(linesOf(pieces(Buffer.from('\n \r\n'), [1])))).toEqual([])
  })

  it('may have LINE_LIMIT bytes; a longer one is refused before it is read to its end', async () => {
    let sent = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent += 2 ** 20
        yield await Promise.resolve(Buffer.alloc(2 ** 20, 'x'))
      }
    }
    await expect(collectItems(linesOf(endless()))).rejects.toThrow(RangeError)
    expect(sent).toBeLessThanOrEqual(LINE_LIMIT + 2 ** 20)
    const longest = Buffer.alloc(LINE_LIMIT + 1, 'x')
    longest[LINE_LIMIT] = 10
    expect((await collectItems(linesOf(pieces(longest, [LINE_LIMIT]))))[0]?.length).toBe(LINE_LIMIT)
  })
})
