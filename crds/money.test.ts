import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addCosts, batchCost, UNKNOWN_COST } from './money.ts'

const price = { input: '0.25', output: '2', batchDiscount: '0.5' }

describe('batchCost', () => {
  it('charges tokens by the million, less the discount', () => {
    expect(batchCost({ input: 1_000_000, output: 1_000_000 }, price)).toBe('1.125')
    expect(batchCost({ input: 1_000_000, output: 0 }, { ...price, batchDiscount: '0' })).toBe('0.25')
    expect(batchCost({ input: 9_999, output: 1 }, { ...price, batchDiscount: '1' })).toBe('0')
    expect(batchCost({ input: 0, output: 0 }, price)).toBe('0')
  })

  it('is exact to the last digit, and never in exponents', () => {
    expect(batchCost({ input: 1, output: 0 }, { input: '0.000001', output: '0', batchDiscount: '0.5' })).toBe('0.0000000000005')
    expect(batchCost({ input: 3, output: 0 }, { input: '0.1', output: '0', batchDiscount: '0' })).toBe('0.0000003')
    expect(batchCost({ input: Number.MAX_SAFE_INTEGER, output: 0 }, { input: '1', output: '0', batchDiscount: '0' })).toBe('9007199254.740991')
  })

  it('is unknown without a price', () => {
    expect(batchCost({ input: 5, output: 5 }, null)).toBe(UNKNOWN_COST)
  })

  it('of a sum is the sum of the costs', () => {
    const tokens = fc.record({ input: fc.nat(1e9), output: fc.nat(1e9) })
    fc.assert(
      fc.property(tokens, tokens, (a, b) => {
        const whole = batchCost({ input: a.input + b.input, output: a.output + b.output }, price)
        expect(addCosts(batchCost(a, price), batchCost(b, price))).toBe(whole)
      }),
    )
  })
})

describe('addCosts', () => {
  it('adds decimals exactly', () => {
    expect(addCosts('0.1', '0.2')).toBe('0.3')
  })

  it('is unknown if either is', () => {
    expect([addCosts('-', '1'), addCosts('1', '-'), addCosts('-', '-')]).toEqual(['-', '-', '-'])
  })
})
