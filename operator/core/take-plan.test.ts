import { describe, expect, it } from 'vitest'
import { condition, next, NOW, observed, planOutcome, plannedStatus, said, wave } from './testdata/example.ts'
import { decide } from './decide.ts'
import { formatTime } from '../../crds/rfc3339.ts'

describe('planning', () => {
  it('starts with a plan wave and says so', () => {
    const status = next({}, [])
    expect(['Planned', 'Progressing', 'Failed', 'Complete'].map((type) => condition(status, type))).toEqual(['False/Planning', 'True/Planning', 'False/NoFailure', 'False/Planning'])
    const [action, ...rest] = decide(observed(status), NOW)
    expect(rest).toEqual([])
    expect(action).toMatchObject({ kind: 'startWave', wave: { mode: 'plan', parallelism: 1, memoryBytes: 2 ** 28 } })
  })

  it('records the plan with its totals', () => {
    const status = plannedStatus(3)
    expect(status).toMatchObject({
      plan: { shards: 3 },
      rows: { total: 30, done: 0, succeeded: 0, failed: 0 },
      chunks: { total: 6, committed: 0 },
      shards: { total: 3, completed: 0, failed: 0, waiting: 0 },
      cost: '0',
      waveCount: 1,
    })
    expect(condition(status, 'Planned')).toBe('True/Planned')
  })

  it.each([
    ['counts what earlier runs have done', { done: '0-1', doneChunks: 4, rows: { total: 20, succeeded: 20, failed: 0 }, tokens: { input: 5, output: 6 }, cost: '1.5' }, '0-1', 20, '1.5'],
    ['leaves a done set without totals to the shards themselves', { done: '0-1' }, '', 0, '0'],
    ['keeps an unknown cost unknown', { done: '2', doneChunks: 2, rows: { total: 10, succeeded: 10, failed: 0 }, cost: '-' }, '2', 10, '-'],
  ])('%s', (_, report, completed, rows, cost) => {
    const status = next({}, [wave('plan', 1, '0', [said(0, { ...planOutcome(3), ...report })])])
    expect(status).toMatchObject({ completedShards: completed, rows: { done: rows }, cost })
  })

  it('merges at once when there are no rows', () => {
    const status = plannedStatus(0)
    expect(condition(status, 'Complete')).toBe('False/Merging')
    expect(decide(observed(status), NOW)).toMatchObject([{ kind: 'startWave', wave: { mode: 'merge' } }])
  })

  it.each([
    ['a wrong job', said(0, { mode: 'plan', result: 'failed', reason: 'UnknownColumn', message: 'no column titel; did you mean title?' }, 64), 'UnknownColumn', /titel/],
    ['faults without end', said(0, { mode: 'plan', result: 'failed', reason: 'StorageUnavailable', message: 'timeout' }, 75), 'StorageUnavailable', /timeout/],
    ['too little memory', { index: 0, phase: 'Failed', exitCode: 137, rssBytes: 300 * 2 ** 20 } as const, 'RunnerOutOfMemory', /300 MiB.*256Mi/],
    ['a crash', { index: 0, phase: 'Failed', exitCode: 1 } as const, 'RunnerFailed', /exit code 1/],
    ['a reason that is in no catalogue', said(0, { mode: 'plan', result: 'failed', reason: 'Splines', message: 'unreticulated' }, 70), 'RunnerFailed', /Splines: unreticulated/],
  ])('fails for good after %s', (_, member, reason, message) => {
    const status = next({}, [wave('plan', 1, '0', [member])])
    expect(['Planned', 'Progressing', 'Failed', 'Complete'].map((type) => condition(status, type))).toEqual([`False/${reason}`, `False/${reason}`, `True/${reason}`, `False/${reason}`])
    expect(status.conditions?.find(({ type }) => type === 'Failed')?.message).toMatch(message)
    expect(status.recentFailures).toMatchObject([{ index: 0, reason }])
    expect(decide(observed(status, [wave('plan', 1, '0', [member])]), NOW)).toMatchObject([{ kind: 'stopWave' }])
  })

  it.each([
    ['waits as long as the runner says', said(0, { mode: 'plan', result: 'waiting', nextPollTime: formatTime(NOW + 9_000) }), 9_000],
    ['runs again what was lost, but not at once', { index: 0, phase: 'Succeeded', exitCode: 0 } as const, 5_000],
  ])('%s', (_, member, waitMs) => {
    const waves = [wave('plan', 1, '0', [member])]
    const status = next({}, waves)
    expect(status.nextPollTime).toBe(formatTime(NOW + waitMs))
    expect(next(status, waves, 100)).toEqual(status)
    expect(decide(observed(status, waves), NOW)).toMatchObject([{ kind: 'stopWave' }])
    const later = next(status, [], waitMs)
    expect(decide(observed(later), NOW + waitMs)).toMatchObject([{ kind: 'startWave', wave: { mode: 'plan', name: expect.stringMatching(/-plan-2$/) as string } }])
  })

  it('stops the waves of a plan that the status has lost', () => {
    const orphan = wave('advance', 4, '0-3')
    const status = next({}, [orphan])
    expect(decide(observed(status, [orphan]), NOW)).toMatchObject([
      { kind: 'stopWave', name: orphan.name },
      { kind: 'startWave', wave: { name: expect.stringMatching(/-plan-5$/) as string } },
    ])
  })
})
