import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../crds/generated/outcome.ts'
import type { Member } from '../cluster.ts'
import { decide } from './decide.ts'
import { formatTime } from '../../crds/rfc3339.ts'
import { condition, doneOutcome, next, NOW, observed, plannedStatus, said, wave } from './testdata/example.ts'

const OUTPUT = { uri: 's3://catalog/sorted/', files: 1, rows: 20, digest: 'sha256:o' }

function allDone(shards: number) {
  const members = Array.from({ length: shards }, (_, shard) => said(shard, doneOutcome(shard)))
  return shards === 0 ? plannedStatus(0) : next(plannedStatus(shards), [wave('advance', 2, `0-${shards - 1}`, members)])
}

const merged = (rows: Outcome['rows'] & object): Member => said(0, { mode: 'merge', result: 'done', output: OUTPUT, rows, tokens: { input: 1, output: 2 }, cost: '9.5' })

describe('merging', () => {
  it('starts when all shards are done and no runner is at work', () => {
    const status = allDone(2)
    expect(condition(status, 'Complete')).toBe('False/Merging')
    expect(decide(observed(status), NOW)).toMatchObject([{ kind: 'startWave', wave: { mode: 'merge', plan: 's3://catalog/.llmbatch/plan#sha256:p' } }])
    const straggler = wave('advance', 2, '0-1', [{ index: 0, phase: 'Running' }])
    expect(decide(observed(status, [straggler]), NOW).filter(({ kind }) => kind === 'startWave')).toEqual([])
  })

  it.each([
    ['Completed', 2, { total: 20, succeeded: 20, failed: 0 }],
    ['CompletedWithFailures', 2, { total: 20, succeeded: 15, failed: 5 }],
    ['NoRows', 0, { total: 0, succeeded: 0, failed: 0 }],
  ])('ends as %s with the totals of the whole job', (reason, shards, rows) => {
    const waves = [wave('merge', 3, '0', [merged(rows)])]
    const status = next(allDone(shards), waves)
    expect(['Progressing', 'Failed', 'Complete'].map((type) => condition(status, type))).toEqual([`False/${reason}`, 'False/NoFailure', `True/${reason}`])
    expect(status).toMatchObject({ rows: { done: rows.total, failed: rows.failed }, tokens: { input: 1, output: 2 }, cost: '9.5', output: OUTPUT, progress: [] })
    expect(decide(observed(status, waves), NOW)).toEqual([{ kind: 'stopWave', name: waves[0]?.name }])
    expect(next(status, [], 60_000)).toEqual(status)
  })

  it.each([
    ['by exit code', 75],
    ['with exit code 0', 0],
  ])('advances again the shards that it finds open, told %s, and does not count them twice', (_, exitCode) => {
    const waves = [wave('merge', 3, '0', [said(0, { mode: 'merge', result: 'failed', reason: 'Incomplete', wake: '1' }, exitCode)])]
    const status = next(allDone(3), waves)
    expect(status).toMatchObject({ completedShards: '0,2', rows: { done: 30 } })
    expect(status).not.toHaveProperty('recentFailures')
    expect(condition(status, 'Complete')).toBe('False/Advancing')
    expect(next(status, waves, 10)).toEqual(status)
    const again = decide(observed(status, waves), NOW).find(({ kind }) => kind === 'startWave')
    expect(again).toMatchObject({ wave: { mode: 'advance' } })
    expect(next(status, [wave('advance', 4, '1', [said(0, doneOutcome(1))])])).toMatchObject({ completedShards: '0-2', rows: { done: 30 }, cost: '0.03', chunks: { committed: 6 } })
  })

  it('advances every shard again when it does not say which are open', () => {
    expect(next(allDone(3), [wave('merge', 3, '0', [said(0, { mode: 'merge', result: 'failed', reason: 'Incomplete' }, 75)])])).toMatchObject({ completedShards: '' })
  })

  it.each<[string, Member, string, number | undefined]>([
    ['fails with its reason', said(0, { mode: 'merge', result: 'failed', reason: 'OutputExists', message: 'out.parquet' }, 64), 'False/OutputExists', undefined],
    ['runs again what was lost, but not at once', { index: 0, phase: 'Succeeded', exitCode: 0 }, 'False/Merging', 5_000],
    ['waits as long as the runner says', said(0, { mode: 'merge', result: 'waiting', nextPollTime: formatTime(NOW + 800) }), 'False/Merging', 800],
  ])('%s', (_, member, complete, waitMs) => {
    const status = next(allDone(2), [wave('merge', 3, '0', [member])])
    expect(condition(status, 'Complete')).toBe(complete)
    expect(status.nextPollTime).toBe(waitMs === undefined ? undefined : formatTime(NOW + waitMs))
  })
})
