import { describe, expect, it } from 'vitest'
import { formatTime } from '../../crds/rfc3339.ts'
import type { Wave } from '../cluster.ts'
import { summarize } from './summarize.ts'
import { doneOutcome, NOW, observed, planOutcome, plannedStatus, said, wave } from './testdata/example.ts'

const lost = { index: 0, phase: 'Succeeded', exitCode: 0 } as const

describe('events', () => {
  it.each<[string, Wave, string[]]>([
    ['a plan', wave('plan', 1, '0', [said(0, planOutcome(2))]), ['Normal Planned']],
    ['a plan that cannot be made', wave('plan', 1, '0', [said(0, { mode: 'plan', result: 'failed', reason: 'InputNotFound' }, 64)]), ['Warning InputNotFound']],
    ['a lost outcome', wave('plan', 1, '0', [lost]), ['Warning OutcomeLost']],
  ])('tell of %s', (_, made, expected) => {
    expect(summarize(observed({}, [made]), NOW).events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(expected)
  })

  it('tell once why work waits when that is not the ordinary course', () => {
    const waiting = { mode: 'advance', result: 'waiting', nextPollTime: formatTime(NOW + 5_000) } as const
    const refused = { ...waiting, shard: 0, reason: 'RateLimited', message: 'Rate limit reached' }
    const waves = [wave('advance', 2, '0-1', [said(0, refused), said(1, { ...waiting, shard: 1 })])]
    const { status, events } = summarize(observed(plannedStatus(2), waves), NOW)
    expect(events).toEqual([{ type: 'Warning', reason: 'RateLimited', message: 'work waits: Rate limit reached' }])
    expect(summarize(observed(status, waves), NOW).events).toEqual([])
  })

  it('tell of failed shards and of the failed job once', () => {
    const waves = [wave('advance', 2, '0-1', [{ index: 0, phase: 'Failed', exitCode: 137 }, said(1, doneOutcome(1))])]
    const { status, events } = summarize(observed(plannedStatus(2), waves), NOW)
    expect(events.map(({ reason }) => reason)).toEqual(['ShardFailed', 'RunnerOutOfMemory'])
    expect(summarize(observed(status, waves), NOW).events).toEqual([])
  })
})
