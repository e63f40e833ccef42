import fc from 'fast-check'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FileScratch } from './file-scratch.ts'
import { MemoryScratch } from './memory-scratch.ts'
import type { Scratch, ScratchFile } from './scratch.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llmbatch-scratch-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const makers: [string, () => Scratch][] = [
  ['FileScratch', () => new FileScratch(join(folder, 'made/when/missing'))],
  ['MemoryScratch', () => new MemoryScratch()],
]

describe.each(makers)('%s', (_, make) => {
  it('reads back what was appended, in any ranges, at any time', async () => {
    const sizes = fc.array(fc.oneof(fc.nat(20), fc.nat(300_000), fc.constantFrom(262_143, 262_144, 262_145)), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(sizes, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 3 }), async (appends, ranges) => {
        const file = await make().create()
        let model = Buffer.alloc(0)
        for (const [i, size] of appends.entries()) {
          const bytes = Buffer.alloc(size, `${i}-`)
          await file.append(bytes)
          bytes.fill(255)
          model = Buffer.concat([model, Buffer.alloc(size, `${i}-`)])
          expect(file.size).toBe(model.length)
          for (const [a, b] of ranges) {
            const [from, to] = [a % (model.length + 1), b % (model.length + 1)].sort((x, y) => x - y) as [number, number]
            expect(Buffer.compare(await file.read(from, to), model.subarray(from, to))).toBe(0)
          }
        }
        expect(Buffer.compare(Buffer.concat(await windows(file, 0, model.length)), model)).toBe(0)
        await file.remove()
      }),
      { numRuns: 40 },
    )
  })

  it('keeps the order of calls that are not waited for', async () => {
    const file = await make().create()
    const calls = [file.append(Buffer.from('ab')), file.append(Buffer.alloc(300_000, 'c')), file.append(Buffer.from('d'))]
    const reading = file.read(300_001, 300_003)
    await Promise.all(calls)
    expect(Buffer.from(await reading).toString()).toBe('cd')
    await file.remove()
  })

  it('streams in windows of at most 256 KiB', async () => {
    const file = await make().create()
    await file.append(Buffer.alloc(700_000))
    expect((await windows(file, 10, 700_000)).map((window) => window.length)).toEqual([262_144, 262_144, 175_702])
    await file.remove()
  })

  it('refuses a range that was not appended', async () => {
    const file = await make().create()
    await file.append(Buffer.from('abc'))
    for (const [from, to] of [[0, 4], [-1, 2], [2, 1]] as const) await expect((async () => file.read(from, to))()).rejects.toThrow(RangeError)
    await file.remove()
  })

  it('frees a file once, and refuses to use it afterwards', async () => {
    const file = await make().create()
    await file.append(Buffer.from('abc'))
    await file.remove()
    await file.remove()
    await expect((async () => file.append(Buffer.from('d')))()).rejects.toThrow('removed')
  })
})

describe('FileScratch', () => {
  it('leaves no names in its folder, so nothing stays when the process dies', async () => {
    const own = join(folder, 'own')
    const file = await new FileScratch(own).create()
    await file.append(Buffer.alloc(600_000))
    expect(await readdir(own)).toEqual([])
    expect(await file.read(599_999, 600_000)).toHaveLength(1)
    await file.remove()
  })

  it('names the folder and the cause when the disk refuses', async () => {
    await expect(new FileScratch('/dev/null/scratch').create()).rejects.toMatchObject({ code: 'StorageUnavailable', message: expect.stringContaining('/dev/null/scratch') })
  })
})

describe('MemoryScratch', () => {
  it('tells what was not removed', async () => {
    const scratch = new MemoryScratch()
    const file = await scratch.create()
    await file.append(Buffer.from('abc'))
    expect([scratch.filesHeld, scratch.bytesHeld]).toEqual([1, 3])
    await file.remove()
    expect([scratch.filesHeld, scratch.bytesHeld]).toEqual([0, 0])
  })
})

async function windows(file: ScratchFile, from: number, to: number): Promise<Uint8Array[]> {
  const out: Uint8Array[] = []
  for await (const window of file.stream(from, to)) out.push(window)
  return out
}
