import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../crds/generated/outcome.ts'
import type { Member } from '../cluster.ts'
import { decide } from './decide.ts'
import { formatTime } from '../../crds/rfc3339.ts'
import { condition, next, NOW, observed, plannedStatus, said, wave } from './testdata/example.ts'

/** A job whose shards all wait until ten seconds from now. */
function waitingStatus(shards: number) {
  const members = Array.from({ length: shards }, (_, shard) => said(shard, { mode: 'advance', shard, result: 'waiting', chunks: '', nextPollTime: formatTime(NOW + 10_000) }))
  return next(plannedStatus(shards), [wave('advance', 2, `0-${shards - 1}`, members)])
}

const scouted = (outcome: Partial<Outcome>) => [wave('scout', 3, '0', [said(0, { mode: 'scout', result: 'waiting', ...outcome })])]

describe('polling the provider', () => {
  it('starts nothing before its time', () => {
    expect(decide(observed(waitingStatus(3)), NOW)).toEqual([])
  })

  it('advances up to four shards without a scout', () => {
    const status = next(waitingStatus(4), [], 10_000)
    expect(status).toMatchObject({ waitingShards: '' })
    expect(decide(observed(status), NOW + 10_000)).toMatchObject([{ kind: 'startWave', wave: { mode: 'advance' } }])
  })

  it('sends a scout when more wait, and only one', () => {
    const status = next(waitingStatus(5), [], 10_000)
    expect(status).toMatchObject({ waitingShards: '0-4' })
    expect(decide(observed(status), NOW + 10_000)).toMatchObject([{ kind: 'startWave', wave: { mode: 'scout', name: expect.stringMatching(/-scout-3$/) as string } }])
    const running = [wave('scout', 3, '0')]
    expect(decide(observed(next(status, running, 10_000), running), NOW + 10_000).filter(({ kind }) => kind === 'startWave')).toEqual([])
  })

  it.each<[string, Partial<Outcome>, object]>([
    ['wakes the shards that it names', { wake: '1-2', nextPollTime: formatTime(NOW + 60_000) }, { waitingShards: '0,3-5', nextPollTime: formatTime(NOW + 60_000) }],
    ['ignores shards that do not wait', { wake: '2-90', nextPollTime: formatTime(NOW + 60_000) }, { waitingShards: '0-1' }],
    ['waits on', { nextPollTime: formatTime(NOW + 60_000) }, { waitingShards: '0-5', nextPollTime: formatTime(NOW + 60_000) }],
    ['waits a minute when it does not say how long', {}, { waitingShards: '0-5', nextPollTime: formatTime(NOW + 70_000) }],
    [
      'completes what it reports as done, with the totals',
      { done: '0-1', doneChunks: 4, rows: { total: 20, succeeded: 19, failed: 1 }, tokens: { input: 7, output: 8 }, cost: '3', nextPollTime: formatTime(NOW + 60_000) },
      { completedShards: '0-1', waitingShards: '2-5', rows: { done: 20, failed: 1 }, chunks: { committed: 4 }, cost: '3' },
    ],
    ['advances done shards that it gives no totals for', { done: '0-1', nextPollTime: formatTime(NOW + 60_000) }, { completedShards: '', waitingShards: '2-5' }],
    ['wakes all when there is nothing to wait for', { result: 'done' }, { waitingShards: '' }],
  ])('%s', (_, outcome, expected) => {
    const waves = scouted(outcome)
    const status = next(waitingStatus(6), waves, 10_000)
    expect(status).toMatchObject(expected)
    expect(next(status, waves, 10_001)).toEqual(status)
  })

  it.each<[string, Member, string]>([
    ['wakes every shard when the scout cannot do its work', { index: 0, phase: 'Failed', exitCode: 137 }, ''],
    ['scouts again when the outcome was lost', { index: 0, phase: 'Succeeded', exitCode: 0 }, '0-5'],
  ])('%s', (_, member, waiting) => {
    const status = next(waitingStatus(6), [wave('scout', 3, '0', [member])], 10_000)
    expect(status).toMatchObject({ waitingShards: waiting })
    expect(condition(status, 'Failed')).toMatch(/^False/)
  })

  it('fails the job when the scout meets refused credentials', () => {
    const status = next(waitingStatus(6), [wave('scout', 3, '0', [said(0, { mode: 'scout', result: 'failed', reason: 'AuthFailed' }, 77)])], 10_000)
    expect(condition(status, 'Failed')).toBe('True/AuthFailed')
  })
})
