import { describe, expect, it } from 'vitest'
import type { Member } from '../cluster.ts'
import { STATUS_BYTES } from './fit-status.ts'
import { formatTime } from '../../crds/rfc3339.ts'
import { doneOutcome, next, NOW, plannedStatus, said, wave } from './testdata/example.ts'

const SHARDS = 10_000

describe('the size of a status', () => {
  it('is at most 64 KiB for 10,000 shards in the worst pattern, with the longest messages and progress', () => {
    // Every third shard done, failed and waiting: no two neighbours are in one set.
    const chunks = Array.from({ length: 250 }, (_, i) => 2 * i).join(',')
    const members = Array.from({ length: SHARDS }, (_, shard): Member => {
      if (shard % 3 === 0) return said(shard, { ...doneOutcome(shard), chunks })
      if (shard % 3 === 1) return said(shard, { mode: 'advance', shard, result: 'failed', reason: 'StorageUnavailable', message: '"\n'.repeat(500) }, 75)
      return said(shard, { mode: 'advance', shard, result: 'waiting', chunks, nextPollTime: formatTime(NOW + 60_000) })
    })
    const status = next(plannedStatus(SHARDS), [wave('advance', 2, `0-${SHARDS - 1}`, members)])
    expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThanOrEqual(STATUS_BYTES)
    expect(status.shards).toEqual({ total: SHARDS, completed: 3_334, failed: 3_333, waiting: 3_333 })
    expect(status.recentFailures?.length).toBeLessThanOrEqual(10)
    // What is not shown is not counted either, so that the next look counts it right.
    const shown = (status.progress ?? []).length * 250
    expect(status.chunks?.committed).toBe(3_334 * 250 + shown)
  })

  it('shows at most 64 shards in progress, those shown before first', () => {
    const members = (from: number, to: number): Member[] =>
      Array.from({ length: to - from }, (_, i) => said(from + i, { mode: 'advance', shard: from + i, result: 'waiting', chunks: '0', nextPollTime: formatTime(NOW + 60_000) }))
    const first = next(plannedStatus(200), [wave('advance', 2, '0-199', members(100, 150))])
    const second = next(first, [wave('advance', 2, '0-199', members(0, 50))])
    expect(second.progress).toHaveLength(64)
    expect(second.progress?.map(({ shard }) => shard)).toEqual([...Array(14).keys(), ...Array.from({ length: 50 }, (_, i) => 100 + i)])
  })
})
