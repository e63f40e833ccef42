import { describe, expect, it } from 'vitest'
import { LlmbatchError } from '../crds/errors.ts'
import { IntervalSet } from '../crds/interval-set.ts'
import { encodeWireSet } from '../crds/wire-set.ts'
import { asLlmbatchError, failedOutcome, fitOutcome, OUTCOME_LIMIT } from './run-mode.ts'
import { SURVEY_SET_LIMIT } from './scout/survey.ts'
import { StorageError } from './storage/storage.ts'
import { ModeWorld, parquetFile } from './testdata/mode-world.ts'

describe('how a runner ends', () => {
  it('every error has a code: its own, that of storage, or that of a bug', () => {
    const own = new LlmbatchError('AuthFailed', 'no')
    expect(asLlmbatchError(own)).toBe(own)
    expect(asLlmbatchError(new StorageError('Unclear', 'memory://x', 'Reset'))).toMatchObject({ code: 'StorageUnavailable', message: 'Reset: memory://x', exitCode: 75 })
    expect(asLlmbatchError(new TypeError('x is not a function'))).toMatchObject({ code: 'InternalError', message: 'x is not a function', exitCode: 70 })
    expect(asLlmbatchError('thrown text')).toMatchObject({ code: 'InternalError', message: 'thrown text' })
  })

  it('a failed outcome fits a termination message, however long the error', () => {
    const outcome = failedOutcome('advance', new LlmbatchError('BatchRejected', '漢'.repeat(5_000)))
    expect(outcome).toMatchObject({ mode: 'advance', result: 'failed', reason: 'BatchRejected' })
    expect(outcome.message?.length).toBe(1_024)
    expect(Buffer.byteLength(JSON.stringify(outcome))).toBeLessThan(3_900)
  })

  it('an outcome fits even with a message that JSON makes longer', () => {
    const outcome = failedOutcome('plan', new LlmbatchError('InvalidInput', '\u0001'.repeat(5_000)))
    expect(outcome.message?.length).toBeGreaterThan(300)
    expect(Buffer.byteLength(JSON.stringify(outcome))).toBeLessThanOrEqual(OUTCOME_LIMIT)
  })

  it('a scout of 10,000 shards in any state fits, with both of its sets', () => {
    const scattered = IntervalSet.of(Array.from({ length: 10_000 }, (_, i) => i).filter((i) => (i * 7919) % 3 !== 0))
    const outcome = fitOutcome({
      schemaVersion: 1,
      mode: 'scout',
      result: 'waiting',
      done: encodeWireSet(scattered, 'subset', SURVEY_SET_LIMIT),
      doneChunks: 5_000_000,
      rows: { total: 9_007_199_254_740_991, succeeded: 9_007_199_254_740_991, failed: 9_007_199_254_740_991 },
      tokens: { input: 9_007_199_254_740_991, output: 9_007_199_254_740_991 },
      cost: '123456789012.123456789012',
      wake: encodeWireSet(scattered, 'superset', SURVEY_SET_LIMIT),
      nextPollTime: '2026-01-01T00:00:00.000Z',
      reason: 'ProviderUnavailable',
      message: 'x'.repeat(1_024),
    })
    expect(Buffer.byteLength(JSON.stringify(outcome))).toBeLessThanOrEqual(OUTCOME_LIMIT)
  })

  it('a host name that is not known ends the plan for good, and what comes later for now', async () => {
    const world = new ModeWorld()
    await world.put('a.parquet', parquetFile('a'))
    const plan = await world.plan()
    const unknown = () => Promise.reject(new StorageError('Misused', 's3://b/x', 'The host name is not known', { code: 'StorageHostNotFound' }))
    world.storage.head = unknown
    world.storage.get = unknown
    for (const [mode, exitCode] of [['plan', 64], ['merge', 75]] as const) {
      expect(await world.run(mode, plan)).toMatchObject({ exitCode, outcome: { mode, result: 'failed', reason: 'StorageHostNotFound' } })
    }
  })

  it('a fault of storage may pass: the mode can be run again', async () => {
    const world = new ModeWorld()
    await world.put('a.parquet', parquetFile('a'))
    world.storage.faults.push('Unavailable')
    expect(await world.run('plan')).toMatchObject({ exitCode: 75, outcome: { mode: 'plan', result: 'failed', reason: 'StorageUnavailable' } })
    expect(await world.run('plan')).toMatchObject({ exitCode: 0, outcome: { result: 'done' } })
  })
})
