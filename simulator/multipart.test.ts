import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { boundaryOf, MultipartError, readMultipart } from './multipart.ts'

interface ReadPart {
  name: string
  filename: string | null
  content: string
}

/** Cuts bytes at the given places, which may repeat: empty pieces are legal. */
async function* pieces(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0
  for (const cut of [...cuts.map((each) => each % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    yield bytes.subarray(from, cut)
    from = cut
  }
}

async function readAll(body: AsyncIterable<Uint8Array>, boundary: string): Promise<ReadPart[]> {
  const parts: ReadPart[] = []
  for await (const part of readMultipart(body, boundary)) {
    const chunks: Uint8Array[] = []
    for await (const chunk of part.content) chunks.push(chunk)
    parts.push({ name: part.name, filename: part.filename, content: Buffer.concat(chunks).toString('latin1') })
  }
  return parts
}

const BOUNDARY = 'edge'

function encode(parts: readonly ReadPart[]): Buffer {
  const texts = parts.map(({ name, filename, content }) => {
    const file = filename === null ? '' : `; filename="${filename}"\r\nContent-Type: application/octet-stream`
    return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n`
  })
  return Buffer.from(`${texts.join('')}--${BOUNDARY}--\r\n`, 'latin1')
}

/** Contents made of what a boundary is made of, so that near misses are common; none holds the delimiter itself. */
const content = fc
  .array(fc.constantFrom('\r', '\n', '\r\n', '-', '--', '--edg', '\r\n--edg', '\r\n--e', 'e', 'edge', 'x', '\u00ff', 'plain text '), { maxLength: 40 })
  .map((each) => each.join(''))
  .filter((each) => !`\r\n${each}\r\n`.includes(`\r\n--${BOUNDARY}`))
const part = fc.record({ name: fc.stringMatching(/^[a-z[\]]{1,8}$/), filename: fc.option(fc.stringMatching(/^[a-z. ]{1,12}$/)), content })
const cuts = fc.array(fc.nat(2000), { maxLength: 60 })

describe('readMultipart', () => {
  it('reads the same parts however the body is cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 5 }), cuts, async (parts, places) => {
        expect(await readAll(pieces(encode(parts), places), BOUNDARY)).toEqual(parts)
      }),
      { numRuns: 400 },
    )
  })

  it('skips what a reader leaves of a part, at whatever place it stops', async () => {
    await fc.assert(
      fc.asyncProperty(content, cuts, fc.nat(3), async (first, places, reads) => {
        const parts = [
          { name: 'first', filename: 'f', content: first },
          { name: 'second', filename: null, content: 'batch' },
        ]
        const seen: string[] = []
        for await (const each of readMultipart(pieces(encode(parts), places), BOUNDARY)) {
          seen.push(each.name)
          let left = reads
          if (left > 0) for await (const chunk of each.content) if (chunk.length === 0 || --left === 0) break
        }
        expect(seen).toEqual(['first', 'second'])
      }),
    )
  })

  it('throws when the body ends early, wherever that is', async () => {
    const whole = encode([{ name: 'file', filename: 'f', content: 'some text' }])
    const lastBoundary = whole.length - 2
    for (let length = 0; length < lastBoundary; length += 1) {
      await expect(readAll(pieces(whole.subarray(0, length), [length >> 1]), BOUNDARY)).rejects.toThrow(MultipartError)
    }
  })

  it('reads what fetch() sends', async () => {
    const form = new FormData()
    form.set('purpose', 'batch')
    form.set('file', new File(['line\n'], 'a "name"\nü.jsonl'))
    const request = new Request('http://localhost/', { method: 'POST', body: form })
    const boundary = boundaryOf(request.headers.get('content-type') ?? undefined) ?? ''
    expect(await readAll(pieces(Buffer.from(await request.arrayBuffer()), []), boundary)).toMatchObject([
      { name: 'purpose', filename: null, content: 'batch' },
      { name: 'file', filename: 'a "name"\r\nü.jsonl'.replace('\r', ''), content: 'line\n' },
    ])
  })

  it.each([
    ['a part without a name', '--edge\r\nContent-Type: text/plain\r\n\r\nx\r\n--edge--\r\n'],
    ['a head without end', `--edge\r\nContent-Disposition: form-data; name="a${'a'.repeat(20_000)}`],
    ['a boundary that goes on', '--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--edgeX'],
  ])('throws for %s', async (_what, body) => {
    await expect(readAll(pieces(Buffer.from(body), []), BOUNDARY)).rejects.toThrow(MultipartError)
  })
})

describe('boundaryOf', () => {
  it.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data; charset=utf-8; boundary="a b"', 'a b'],
    ['application/json', null],
    [undefined, null],
  ])('of %s is %s', (header, boundary) => {
    expect(boundaryOf(header)).toBe(boundary)
  })
})
