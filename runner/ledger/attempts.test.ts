import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LedgerBatch } from '../../crds/generated/ledger.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { finalRows, rowsOf, sendableRows } from './attempts.ts'
import type { AttemptRows, ReadBatch } from './row-sets.ts'
import { AttemptModel, happenings, listed } from './testdata/attempt-model.ts'

function batch(state: LedgerBatch['state'], members: readonly AttemptRows[], again: readonly AttemptRows[] = []): ReadBatch {
  return { batch: { identity: 'b', epoch: 1, state, members: [], requests: 1, bytes: 1, sha256: '', account: '' }, members, again }
}

const group = (rows: string, attempt = 1, retries = 0): AttemptRows => ({ attempt, retries, rows: IntervalSet.parse(rows) })
const OWNED = IntervalSet.range(0, 10)

/** Pools as text: `rows attempt/retries`. */
const texts = (pools: readonly AttemptRows[]): string[] => pools.map(({ attempt, retries, rows }) => `${rows.toString()} ${attempt}/${retries}`)

describe('rows that may be sent', () => {
  it('are all of the owned ones at first', () => {
    expect(texts(sendableRows(OWNED, []))).toEqual(['0-9 1/0'])
    expect(sendableRows(IntervalSet.EMPTY, [])).toEqual([])
  })

  it.each(['Intended', 'Uploaded', 'Created'] as const)('are none of a batch that is %s: its fate is open', (state) => {
    expect(texts(sendableRows(OWNED, [batch(state, [group('0-4')])]))).toEqual(['5-9 1/0'])
    expect(finalRows([batch(state, [group('0-4')])]).isEmpty).toBe(true)
  })

  it('are those of a batch that was never accepted, under a new attempt that is no retry', () => {
    expect(texts(sendableRows(OWNED, [batch('Void', [group('0-4')])]))).toEqual(['5-9 1/0', '0-4 2/0'])
  })

  it('are those whose attempt ended without an answer, as a retry; the others are final', () => {
    const batches = [batch('Harvested', [group('0-4')], [group('2,4')])]
    expect(texts(sendableRows(OWNED, batches))).toEqual(['5-9 1/0', '2,4 2/1'])
    expect(finalRows(batches).toString()).toBe('0-1,3')
  })

  it('follow a row\'s newest batch', () => {
    const batches = [batch('Harvested', [group('0-9')], [group('0-3')]), batch('Void', [group('0-1', 2, 1)]), batch('Created', [group('2', 2, 1)])]
    expect(texts(sendableRows(OWNED, batches))).toEqual(['3 2/1', '0-1 3/1'])
    expect(finalRows(batches).toString()).toBe('4-9')
  })

  it('join those of several batches that are on the same attempt', () => {
    expect(texts(sendableRows(OWNED, [batch('Void', [group('0-4')]), batch('Void', [group('5-9')])]))).toEqual(['0-9 2/0'])
  })

  it('are never of chunks that the ledger does not own', () => {
    expect(texts(sendableRows(IntervalSet.range(0, 3), [batch('Void', [group('2-5')])]))).toEqual(['0-1 1/0', '2 2/0'])
  })

  it('and rows that are final are what following each row by itself says, whatever happens to its batches', () => {
    fc.assert(
      fc.property(happenings, (steps) => {
        const model = new AttemptModel()
        for (const step of steps) {
          model.apply(step)
          const pools = sendableRows(model.owned, model.batches)
          expect(listed(pools)).toEqual(model.sendable)
          expect(pools.reduce((sum, pool) => sum + pool.rows.size, 0), 'no row twice').toBe(rowsOf(pools).size)
          expect(finalRows(model.batches).intersect(model.owned).toString()).toBe(model.final.toString())
        }
      }),
      { numRuns: 500 },
    )
  })
})
