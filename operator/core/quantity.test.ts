import { describe, expect, it } from 'vitest'
import { quantityBytes } from './quantity.ts'

describe('quantityBytes', () => {
  it.each([
    ['256Mi', 268_435_456],
    ['1.5Gi', 1_610_612_736],
    ['1G', 1_000_000_000],
    ['10k', 10_000],
    [4096, 4096],
    ['0.5', 1],
  ])('reads %s as %d bytes', (text, bytes) => {
    expect(quantityBytes(text, 'spec.runner.memory')).toBe(bytes)
  })

  it.each(['', 'much', '1 Mi', '-1Mi', '1mi'])('refuses %j and names the field', (text) => {
    expect(() => quantityBytes(text, 'spec.runner.memory')).toThrow(/spec\.runner\.memory/)
  })
})
