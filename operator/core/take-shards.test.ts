import { describe, expect, it } from 'vitest'
import type { Member } from '../cluster.ts'
import { condition, doneOutcome, next, NOW, plannedStatus, said, wave } from './testdata/example.ts'
import { formatTime } from '../../crds/rfc3339.ts'

const waitingOutcome = (shard: number, afterMs: number, chunks = '0') =>
  ({ mode: 'advance', shard, result: 'waiting', chunks, nextPollTime: formatTime(NOW + afterMs), epoch: 1, seq: 3 }) as const

describe('taking in what advance runners say', () => {
  it.each<[string, Member, object]>([
    ['done completes and counts', said(0, doneOutcome(0)), { completedShards: '0', rows: { done: 10 }, chunks: { committed: 2 }, cost: '0.01', tokens: { input: 100 } }],
    ['waiting waits and shows its chunks', said(0, waitingOutcome(0, 5_000)), { waitingShards: '0', progress: [{ shard: 0, chunks: '0' }], chunks: { committed: 1 }, rows: { done: 0 } }],
    ['a lost outcome is never taken for done', { index: 0, phase: 'Succeeded', exitCode: 0 }, { completedShards: '', waitingShards: '0', nextPollTime: formatTime(NOW + 5_000) }],
    ['an outcome about another shard counts as lost', said(0, doneOutcome(1)), { completedShards: '', waitingShards: '0' }],
    ['an outcome of another mode counts as lost', said(0, { ...doneOutcome(0), mode: 'merge' }), { completedShards: '', waitingShards: '0' }],
    ['an outcome with a set that cannot be read counts as lost', said(0, { ...doneOutcome(0), chunks: '4-2' }), { completedShards: '', waitingShards: '0' }],
    ['a stopped runner is run again', { index: 0, phase: 'Failed', exitCode: 143 }, { failedShards: '', waitingShards: '0' }],
    ['out of memory fails the shard only', { index: 0, phase: 'Failed', exitCode: 134 }, { failedShards: '0', recentFailures: [{ shard: 0, exitCode: 134, reason: 'RunnerOutOfMemory' }] }],
    ['a failure in words counts even with exit code 0', said(0, { mode: 'advance', result: 'failed', reason: 'StorageUnavailable' }), { failedShards: '0', recentFailures: [{ reason: 'StorageUnavailable' }] }],
  ])('%s', (_, member, expected) => {
    const waves = [wave('advance', 2, '0-2', [member])]
    const status = next(plannedStatus(3), waves)
    expect(status).toMatchObject(expected)
    expect(condition(status, 'Failed')).toMatch(/^False/)
    expect(next(status, waves, 50)).toEqual(status)
  })

  it.each([
    ['by exit code', 77],
    ['by its reason', 0],
  ])('a job whose credentials are refused fails as a whole, known %s', (_, exitCode) => {
    const status = next(plannedStatus(3), [wave('advance', 2, '0-2', [said(1, { mode: 'advance', result: 'failed', reason: 'AuthFailed', message: 'key refused' }, exitCode)])])
    expect(condition(status, 'Failed')).toBe('True/AuthFailed')
    expect(condition(status, 'Complete')).toBe('False/AuthFailed')
    expect(status).not.toHaveProperty('nextPollTime')
  })

  it('goes on after a failed shard and fails at the end, naming it', () => {
    const first = next(plannedStatus(2), [wave('advance', 2, '0-1', [{ index: 1, phase: 'Failed', exitCode: 137 }])])
    expect([condition(first, 'Failed'), condition(first, 'Complete')]).toEqual(['False/ShardsFailed', 'False/Advancing'])
    const second = next(first, [wave('advance', 2, '0-1', [said(0, doneOutcome(0)), { index: 1, phase: 'Released' }])])
    expect([condition(second, 'Failed'), condition(second, 'Complete')]).toEqual(['True/RunnerOutOfMemory', 'False/RunnerOutOfMemory'])
    expect(second.conditions?.find(({ type }) => type === 'Failed')?.message).toMatch(/^1 of 2 shards failed \(1\); shard 1: .*memory/)
  })

  it('waits until the earliest time that any shard wants', () => {
    const status = next(plannedStatus(3), [wave('advance', 2, '0-2', [said(2, waitingOutcome(2, 9_000)), said(0, waitingOutcome(0, 7_000)), said(1, waitingOutcome(1, 8_000))])])
    expect(status).toMatchObject({ waitingShards: '0-2', nextPollTime: formatTime(NOW + 7_000) })
    expect(condition(status, 'Complete')).toBe('False/WaitingForProvider')
  })

  it('does not go back for an older version of the ledger', () => {
    const newer = said(0, { ...waitingOutcome(0, 9_000, '0-1'), epoch: 2, seq: 1 })
    const older = said(0, { ...waitingOutcome(0, 4_000, '0'), epoch: 1, seq: 8 })
    const [a, b] = [wave('advance', 2, '0', [newer]), wave('advance', 3, '0', [older])]
    const status = next(plannedStatus(3), [a, b])
    expect(status).toMatchObject({ nextPollTime: formatTime(NOW + 9_000), progress: [{ shard: 0, chunks: '0-1' }] })
    expect(next(plannedStatus(3), [b, a])).toEqual(status)
    expect(next(status, [b]).progress).toEqual(status.progress)
  })

  it('does not call a shard waiting that is at work again', () => {
    const status = next(plannedStatus(2), [wave('advance', 2, '0-1', [said(0, waitingOutcome(0, 9_000)), said(1, waitingOutcome(1, 9_000))])])
    expect(next(status, [wave('advance', 3, '0')])).toMatchObject({ waitingShards: '1', shards: { waiting: 1 } })
  })

  it('keeps the time at which a condition last changed', () => {
    const before = plannedStatus(2)
    const after = next(before, [wave('advance', 2, '0-1', [said(0, doneOutcome(0))])], 60_000)
    expect(after.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(before.conditions?.map(({ lastTransitionTime }) => lastTransitionTime))
  })
})
