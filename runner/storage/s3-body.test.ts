import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { collectBytes, collectItems } from './collect.ts'
import { sizeByContentRange, windowsOf } from './s3-body.ts'
import { READ_WINDOW } from './upload-parts.ts'

describe('windowsOf', () => {
  it('cuts large pieces to windows', async () => {
    const windows = await collectItems(windowsOf(Readable.from([Buffer.alloc(READ_WINDOW * 2 + 1, 1), Buffer.alloc(3, 2)]), READ_WINDOW * 2 + 4))
    expect(windows.map(({ length }) => length)).toEqual([READ_WINDOW, READ_WINDOW, 1, 3])
  })

  it.each([
    [4, 'the body has more than 4 bytes'],
    [6, 'the body ended after 5 of 6 bytes'],
  ])('takes a body of 5 bytes for broken where %i are due', async (size, message) => {
    await expect(collectBytes(windowsOf(Readable.from([Buffer.alloc(5)]), size))).rejects.toMatchObject({ message, code: 'ERR_BODY' })
  })

  it('destroys the body when its reader stops early', async () => {
    const body = Readable.from([Buffer.alloc(5), Buffer.alloc(5)])
    for await (const window of windowsOf(body, 10)) {
      expect(window).toHaveLength(5)
      break
    }
    expect(body.destroyed).toBe(true)
  })
})

describe('sizeByContentRange', () => {
  it.each([
    ['bytes 2-4/9', 2, 5, 9],
    ['bytes 2-8/9', 2, 100, 9],
    ['bytes 0-4/9', 2, 5, null],
    ['bytes 2-3/9', 2, 5, null],
    ['bytes 2-4/*', 2, 5, null],
    [undefined, 2, 5, null],
  ] as const)('%s for [%i, %i) says %s', (header, from, to, size) => {
    expect(sizeByContentRange(header, from, to)).toBe(size)
  })
})
