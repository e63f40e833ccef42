import { describe, expect, it } from 'vitest'
import { plainLine, progressLines, type RunState } from './run-view.ts'
import { displayWidth } from './text-format.ts'

const MIB = 1024 * 1024
const START: RunState = { job: 'wordnet', elapsedMs: 0, reason: 'Planning', message: 'reading the footers', memory: { peak: 0, limit: 256 * MIB }, activities: [] }
const MIDWAY: RunState = {
  ...START,
  elapsedMs: 12_400,
  reason: 'Advancing',
  message: 'two shards at work',
  shards: { total: 4, done: 1, running: 2, waiting: 1, failed: 0 },
  rows: { total: 35_544, done: 10_000, submitted: 30_000, failed: 3 },
  tokens: { input: 500_000, output: 70_000 },
  cost: '0.12',
  memory: { peak: 96 * MIB, limit: 256 * MIB },
  activities: ['shard 1 uploading', 'shard 2 polling'],
}

describe('the display on a terminal', () => {
  it('shows shards, rows, tokens, cost, memory and what goes on', () => {
    expect(progressLines(MIDWAY, 100)).toEqual([
      'wordnet: Advancing  0:12',
      'shards  ██████▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░  1 of 4 shards done, 2 at work, 1 waiting',
      'rows    ██████▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░  10,000 of 35,544 rows done, 30,000 submitted, 3 failed',
      'tokens  500,000 in, 70,000 out, cost 0.12',
      'memory  █████████░░░░░░░░░░░░░░░  96 MiB of 256 MiB, peak of the largest runner',
      'now     shard 1 uploading, shard 2 polling',
    ])
  })

  it('shows only what is known before the plan', () => {
    expect(progressLines(START, 100)).toEqual(['wordnet: Planning  0:00', 'now     reading the footers'])
  })

  it('says how long the provider is left alone', () => {
    expect(progressLines({ ...MIDWAY, activities: [], nextPollMs: 65_000 }, 100).at(-1)).toBe('now     waiting for the provider, asked again in 1:05')
  })

  it('keeps to the width of the terminal', () => {
    for (const line of progressLines(MIDWAY, 40)) expect(displayWidth(line)).toBeLessThanOrEqual(40)
  })
})

describe('plain lines', () => {
  it('start with one, and follow each change of the phase or of the shards', () => {
    const first = plainLine(START, null)
    expect(first?.line).toBe('0:00 Planning')
    const second = plainLine(MIDWAY, first?.mark ?? null)
    expect(second?.line).toBe('0:12 Advancing  1/4 shards  10,000/35,544 rows done, 30,000 submitted  cost 0.12')
  })

  it('are at least ten seconds apart when only rows move, and none is printed when nothing does', () => {
    const mark = plainLine(MIDWAY, null)?.mark ?? null
    const moved = { ...MIDWAY, rows: { total: 35_544, done: 10_000, submitted: 35_544, failed: 3 } }
    expect(plainLine({ ...moved, elapsedMs: 15_000 }, mark)).toBeNull()
    expect(plainLine({ ...moved, elapsedMs: 22_400 }, mark)?.line).toContain('35,544 submitted')
    expect(plainLine({ ...MIDWAY, elapsedMs: 99_000 }, mark)).toBeNull()
  })

  it('do not tell of each poll while the job waits for the provider, but of a long wait they do', () => {
    const mark = plainLine(MIDWAY, null)?.mark ?? null
    const waiting = { ...MIDWAY, reason: 'WaitingForProvider' }
    expect(plainLine({ ...waiting, elapsedMs: 130_000 }, mark)).toBeNull()
    expect(plainLine({ ...waiting, elapsedMs: 700_000 }, mark)?.line).toMatch(/^11:40 WaitingForProvider/)
    expect(plainLine({ ...waiting, reason: 'Merging', elapsedMs: 20_000 }, mark)?.line).toMatch(/^0:20 Merging/)
  })
})
