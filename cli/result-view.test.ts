import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resultLines, tableLines, type RunResult } from './result-view.ts'
import { displayWidth } from './text-format.ts'

const RESULT: RunResult = {
  rows: { total: 35_544, failed: 0 },
  tokens: { input: 1_000_000, output: 200_000 },
  cost: '0.35',
  output: '/data/out/',
  files: 1,
  elapsedMs: 31_000,
  nothingAsked: false,
  sample: { file: 'wordnet.parquet', columns: ['word', 'example', 'llm_response'], rows: [['breathe', 'I can breathe better', 'She breathes.'], ['respire', null, 'They respire.']] },
}

describe('the end of a run', () => {
  it('shows a few rows with their answers, what it took and where the file lies', () => {
    expect(resultLines(RESULT, 80)).toEqual([
      '',
      'word     example               llm_response',
      '───────  ────────────────────  ─────────────',
      'breathe  I can breathe better  She breathes.',
      'respire  null                  They respire.',
      '',
      'Complete: 35,544 rows, none failed, 1,000,000 tokens in, 200,000 out, cost 0.35, 0:31',
      '1 file in /data/out/',
    ])
  })

  it('says that a finished job made no provider call', () => {
    expect(resultLines({ ...RESULT, nothingAsked: true, rows: { total: 10, failed: 1 } }, 80)).toContain('Already complete: 10 rows, 1 failed; no provider call was made (0:31)')
  })
})

describe('the table', () => {
  it('gives the answer at least half of the width, and drops columns that have no room', () => {
    const long = 'x'.repeat(100)
    const [head, , row] = tableLines(['a', 'b', 'c', 'llm_response'], [[long, long, long, 'y'.repeat(100)]], 40)
    expect(row).toBe(`${'x'.repeat(17)}…  ${'y'.repeat(19)}…`)
    expect(head).toBe(`a${' '.repeat(19)}llm_response`)
  })

  it('is never wider than the terminal', () => {
    const cells = fc.array(fc.option(fc.string({ unit: 'grapheme', maxLength: 60 })), { minLength: 3, maxLength: 3 })
    fc.assert(
      fc.property(fc.array(cells, { minLength: 1, maxLength: 4 }), fc.integer({ min: 20, max: 120 }), (rows, width) => {
        for (const line of tableLines(['first', 'second', 'llm_response'], rows, width)) expect(displayWidth(line)).toBeLessThanOrEqual(width)
      }),
    )
  })
})
