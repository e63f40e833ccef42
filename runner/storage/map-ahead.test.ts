import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collectItems } from './collect.ts'
import { mapAhead } from './map-ahead.ts'

describe('mapAhead', () => {
  it('yields every result in order, with no more calls under way than its width', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { maxLength: 20 }), fc.integer({ min: 1, max: 5 }), async (turns, width) => {
        let running = 0
        let most = 0
        const results = await collectItems(
          mapAhead(turns.entries(), width, async ([i, wait]) => {
            running++
            most = Math.max(most, running)
            for (let n = 0; n < wait; n++) await turn()
            running--
            return i
          }),
        )
        expect(results).toEqual(turns.map((_, i) => i))
        expect(most).toBeLessThanOrEqual(width)
      }),
    )
  })

  it('throws an error at its turn, after what was begun behind it has ended', async () => {
    const ended: number[] = []
    const seen: number[] = []
    const mapping = mapAhead([0, 1, 2, 3], 3, async (item) => {
      if (item === 1) throw new Error('item 1')
      await turn()
      ended.push(item)
      return item
    })
    await expect(
      (async () => {
        for await (const item of mapping) seen.push(item)
      })(),
    ).rejects.toThrow('item 1')
    expect(seen).toEqual([0])
    expect(ended).toEqual(expect.arrayContaining([0, 2, 3]))
  })

  it('begins nothing more when its reader stops', async () => {
    const begun: number[] = []
    for await (const item of mapAhead([0, 1, 2, 3, 4, 5], 2, async (each) => begun.push(each))) if (item > 0) break
    expect(begun).toEqual([0, 1])
  })
})
