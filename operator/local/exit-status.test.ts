import { describe, expect, it } from 'vitest'
import { exitClass } from '../../crds/exit-codes.ts'
import { exitCodeOf } from './exit-status.ts'
import { nextStep, RETRY_LIMIT } from './retry-policy.ts'

describe('how a runner ended', () => {
  it.each([
    ['done or waiting', { code: 0, signal: null, outOfMemory: false }, 0, 'Ok'],
    ['V8 out of heap', { code: null, signal: 'SIGABRT', outOfMemory: false }, 134, 'Memory'],
    ['killed here for its memory', { code: null, signal: 'SIGKILL', outOfMemory: true }, 137, 'Memory'],
    ['a fault in native code', { code: null, signal: 'SIGSEGV', outOfMemory: false }, 139, 'Memory'],
    ['killed by somebody else', { code: null, signal: 'SIGKILL', outOfMemory: false }, 75, 'Counted'],
    ['asked to stop', { code: null, signal: 'SIGTERM', outOfMemory: false }, 143, 'Stopped'],
    ['Ctrl-C in the terminal', { code: null, signal: 'SIGINT', outOfMemory: false }, 143, 'Stopped'],
    ['another signal', { code: null, signal: 'SIGBUS', outOfMemory: false }, 135, 'Counted'],
    ['wrong credentials', { code: 77, signal: null, outOfMemory: false }, 77, 'FailJob'],
  ] as const)('%s', (_, end, code, kind) => {
    expect(exitCodeOf(end)).toBe(code)
    expect(exitClass(code)).toBe(kind)
  })
})

describe('what follows', () => {
  it('is a retry after a delay that doubles, six times', () => {
    const delays: number[] = []
    let failures = 0
    for (;;) {
      const step = nextStep(75, failures, 250)
      if (step.kind !== 'Retry') break
      delays.push(step.delayMs)
      ;({ failures } = step)
    }
    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000])
    expect(delays).toHaveLength(RETRY_LIMIT)
  })

  it.each([
    [0, { kind: 'Succeed' }],
    [64, { kind: 'FailWave' }],
    [137, { kind: 'Fail' }],
    [143, { kind: 'Retry', delayMs: 250, failures: 6 }],
  ])('of exit code %d is %j', (code, step) => {
    expect(nextStep(code, 6, 250)).toEqual(step)
  })
})
