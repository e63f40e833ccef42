import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { finalRows, sendableRows } from './attempts.ts'
import { AttemptModel, happenings, listed } from './testdata/attempt-model.ts'
import { stillNeeded } from './still-needed.ts'

describe('batches that leave the ledger', () => {
  it('change nothing: what may be sent and what is final stay what they were, however often others left before', () => {
    fc.assert(
      fc.property(happenings, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (steps, compact) => {
        const model = new AttemptModel()
        for (const [i, step] of steps.entries()) {
          model.apply(step)
          if (compact[i] === true) model.batches = stillNeeded(model.batches, model.committed)
          expect(listed(sendableRows(model.owned, model.batches))).toEqual(model.sendable)
          expect(finalRows(model.batches).intersect(model.owned).toString()).toBe(model.final.toString())
        }
      }),
      { numRuns: 500 },
    )
  })

  it('are all of them once every row is committed and none is open', () => {
    const model = new AttemptModel()
    model.apply({ kind: 'Submit', set: 0xff })
    model.apply({ kind: 'Void', pick: 0 })
    model.apply({ kind: 'Submit', set: 0xfff })
    model.apply({ kind: 'Harvest', pick: 0, set: 0 })
    expect(stillNeeded(model.batches, model.committed).map(({ batch }) => batch.state)).toEqual(['Harvested'])
    model.apply({ kind: 'Commit' })
    expect(stillNeeded(model.batches, model.committed)).toEqual([])
  })
})
