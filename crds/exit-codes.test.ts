import { describe, expect, it } from 'vitest'
import { EXIT, exitClass } from './exit-codes.ts'

describe('exit codes', () => {
  it('are those of sysexits and signals that the docs name', () => {
    expect(EXIT).toEqual({ ok: 0, config: 64, bug: 70, transient: 75, auth: 77, stopped: 143 })
  })

  it.each([
    [0, 'Ok'],
    [64, 'FailJob'],
    [77, 'FailJob'],
    [134, 'Memory'],
    [137, 'Memory'],
    [139, 'Memory'],
    [143, 'Stopped'],
    [1, 'Counted'],
    [70, 'Counted'],
    [75, 'Counted'],
    [255, 'Counted'],
  ])('%i means %s', (code, meaning) => {
    expect(exitClass(code)).toBe(meaning)
  })
})
