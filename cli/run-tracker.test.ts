import { describe, expect, it } from 'vitest'
import type { LlmBatchJobStatus } from '../crds/generated/llmbatchjob.ts'
import { RunTracker } from './run-tracker.ts'

const MIB = 1024 * 1024
const STATUS: LlmBatchJobStatus = {
  conditions: [{ type: 'Complete', status: 'False', reason: 'Advancing', message: '1 of 4 shards are done', lastTransitionTime: '2026-01-01T00:00:00Z' }],
  rows: { total: 400, done: 100, succeeded: 99, failed: 1 },
  shards: { total: 4, completed: 1, failed: 0, waiting: 1 },
  completedShards: '0',
  tokens: { input: 10, output: 5 },
  cost: '0.01',
}

describe('RunTracker', () => {
  it('adds what runners report of unfinished shards to what the status counts of finished ones', () => {
    const tracker = new RunTracker('job', 256 * MIB)
    tracker.progress({ mode: 'advance', shard: 0, activity: 'committing', rowsTotal: 100, rowsSubmitted: 100, rowsDone: 100 })
    tracker.progress({ mode: 'advance', shard: 1, activity: 'uploading', rowsTotal: 100, rowsSubmitted: 60, rowsDone: 20 })
    tracker.progress({ mode: 'advance', shard: 2, activity: 'polling', rowsTotal: 100, rowsSubmitted: 100, rowsDone: 0 })
    const live = [
      { wave: 'w', mode: 'advance' as const, index: 0, shard: 1, rssBytes: 90 * MIB },
      { wave: 'w', mode: 'advance' as const, index: 1, shard: 2, rssBytes: 120 * MIB },
    ]
    expect(tracker.state({ status: STATUS, live, elapsedMs: 5_000, now: 0 })).toEqual({
      job: 'job',
      elapsedMs: 5_000,
      reason: 'Advancing',
      message: '1 of 4 shards are done',
      shards: { total: 4, done: 1, running: 2, waiting: 1, failed: 0 },
      rows: { total: 400, done: 120, submitted: 260, failed: 1 },
      tokens: { input: 10, output: 5 },
      cost: '0.01',
      memory: { peak: 120 * MIB, limit: 256 * MIB },
      activities: ['shard 1 uploading', 'shard 2 polling'],
    })
  })

  it('keeps what a report leaves out, and never shows more rows than there are', () => {
    const tracker = new RunTracker('job', MIB)
    tracker.progress({ mode: 'advance', shard: 1, activity: 'uploading', rowsSubmitted: 350, rowsDone: 10 })
    tracker.progress({ mode: 'advance', shard: 1, activity: 'polling' })
    expect(tracker.state({ status: STATUS, live: [], elapsedMs: 0, now: 0 }).rows).toEqual({ total: 400, done: 110, submitted: 400, failed: 1 })
  })

  it('remembers the peak of memory when its runner has ended', () => {
    const tracker = new RunTracker('job', 256 * MIB)
    tracker.state({ status: STATUS, live: [{ wave: 'w', mode: 'advance', index: 0, shard: 1, rssBytes: 90 * MIB }], elapsedMs: 0, now: 0 })
    expect(tracker.state({ status: STATUS, live: [], elapsedMs: 0, now: 0 }).memory).toEqual({ peak: 90 * MIB, limit: 256 * MIB })
  })

  it('shows something before there is a status', () => {
    const tracker = new RunTracker('job', MIB)
    const state = tracker.state({ status: {}, live: [{ wave: 'w', mode: 'plan', index: 0 }], elapsedMs: 0, now: 0 })
    expect(state).toMatchObject({ reason: 'Starting', activities: ['plan starting'] })
    tracker.progress({ mode: 'plan', activity: 'reading footer 3' })
    expect(tracker.state({ status: {}, live: [{ wave: 'w', mode: 'plan', index: 0 }], elapsedMs: 0, now: 0 }).activities).toEqual(['plan reading footer 3'])
  })

  it('tells how long the provider is left alone, when nobody is at work', () => {
    const status = { ...STATUS, nextPollTime: '2026-01-01T00:00:30Z' }
    const now = Date.parse('2026-01-01T00:00:10Z')
    const tracker = new RunTracker('job', MIB)
    expect(tracker.state({ status, live: [], elapsedMs: 0, now }).nextPollMs).toBe(20_000)
    expect(tracker.state({ status, live: [{ wave: 'w', mode: 'merge', index: 0 }], elapsedMs: 0, now })).not.toHaveProperty('nextPollMs')
  })

  it('counts the provider as asked once a runner that does so was at work', () => {
    const tracker = new RunTracker('job', MIB)
    tracker.sawRunners([{ wave: 'w', mode: 'plan', index: 0 }])
    tracker.sawRunners([{ wave: 'w', mode: 'merge', index: 0 }])
    expect(tracker.askedProvider).toBe(false)
    tracker.sawRunners([{ wave: 'w', mode: 'advance', index: 0, shard: 0 }])
    tracker.sawRunners([])
    expect(tracker.askedProvider).toBe(true)
  })
})
