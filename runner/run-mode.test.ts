import { describe, expect, it } from 'vitest'
import { LlmbatchError } from '../crds/errors.ts'
import { asLlmbatchError, failedOutcome } from './run-mode.ts'
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

  it('a fault of storage may pass: the mode can be run again', async () => {
    const world = new ModeWorld()
    await world.put('a.parquet', parquetFile('a'))
    world.storage.faults.push('Unavailable')
    expect(await world.run('plan')).toMatchObject({ exitCode: 75, outcome: { mode: 'plan', result: 'failed', reason: 'StorageUnavailable' } })
    expect(await world.run('plan')).toMatchObject({ exitCode: 0, outcome: { result: 'done' } })
  })
})
