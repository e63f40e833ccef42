import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readLines } from './line-reader.ts'
import { LineShuffle, SHUFFLE_LINES } from './line-shuffle.ts'

async function readAll(bytes: Buffer, cuts: readonly number[]): Promise<(string | null)[]> {
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    let from = 0
    for (const cut of [...cuts.map((each) => each % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
      yield bytes.subarray(from, cut)
      from = cut
    }
  }
  const lines: (string | null)[] = []
  for await (const block of readLines(pieces())) lines.push(...block)
  return lines
}

describe('readLines', () => {
  it('cuts at newlines however the bytes come', async () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((each) => !each.includes('\n'))
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), fc.boolean(), fc.array(fc.nat(400), { maxLength: 20 }), async (lines, endsInNewline, cuts) => {
        const text = lines.join('\n') + (endsInNewline ? '\n' : '')
        const expected = text.split('\n')
        if (expected.at(-1) === '') expected.pop()
        expect(await readAll(Buffer.from(text), cuts)).toEqual(expected)
      }),
    )
  })

  it('gives null for exactly the lines that are not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('one\n'), Buffer.from([0xff, 0x0a]), Buffer.from('zwölf\n\nend\n'), Buffer.from([0xc3])])
    expect(await readAll(bytes, [])).toEqual(['one', null, 'zwölf', '', 'end', null])
    expect(await readAll(bytes, [2, 4, 5, 8, 12])).toEqual(['one', null, 'zwölf', '', 'end', null])
  })
})

describe('LineShuffle', () => {
  const shuffled = (count: number, seed: string): string[] => {
    const shuffle = new LineShuffle(seed)
    const out: string[] = []
    for (let n = 0; n < count; n += 1) {
      const line = shuffle.push(String(n))
      if (line !== null) out.push(line)
    }
    return [...out, ...shuffle.drain()]
  }
  const inOrder = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n))

  it('lets every line out once, in an order that the seed fixes', () => {
    for (const count of [0, 1, 2, 100, SHUFFLE_LINES, SHUFFLE_LINES * 3 + 1]) {
      const out = shuffled(count, 'a')
      expect(out.toSorted()).toEqual(inOrder(count).toSorted())
      expect(shuffled(count, 'a')).toEqual(out)
    }
    expect(shuffled(100, 'a')).not.toEqual(inOrder(100))
    expect(shuffled(100, 'a')).not.toEqual(shuffled(100, 'b'))
  })
})
