import { describe, expect, it } from 'vitest'
import { readState, writeState } from './job-state.ts'
import { next, plannedStatus, said, wave } from './testdata/example.ts'

describe('reading a status', () => {
  it('gives back what was written', () => {
    const status = next(plannedStatus(3), [wave('advance', 2, '0-2', [said(1, { mode: 'advance', shard: 1, result: 'waiting', chunks: '0' })])])
    expect(status).toMatchObject(writeState(readState(status)))
  })

  it.each([
    ['completedShards', { completedShards: '3-1' }],
    ['nextPollTime', { nextPollTime: 'soon' }],
    ['progress', { progress: [{ shard: 0, chunks: 'all' }] }],
  ])('names the field that cannot be read: %s', (field, status) => {
    expect(() => readState(status)).toThrow(`status.${field}`)
  })
})
