import Big from 'big.js'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { costOf, SIMULATED_PRICE } from './bill.ts'

it('costOf is exact to the last digit, without trailing zeros', () => {
  const tokens = fc.integer({ min: 0, max: 10 ** 12 })
  fc.assert(
    fc.property(tokens, tokens, (input, output) => {
      const list = new Big(SIMULATED_PRICE.input).times(input).plus(new Big(SIMULATED_PRICE.output).times(output))
      expect(costOf(input, output)).toBe(list.times(new Big(1).minus(SIMULATED_PRICE.batchDiscount)).times('0.000001').toFixed())
    }),
  )
  expect(costOf(0, 0)).toBe('0')
  expect(costOf(8_000_000, 1_000_000)).toBe('2')
})
