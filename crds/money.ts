import Big from 'big.js'

/** Price of a model: per one million tokens, as decimal strings; `batchDiscount` is the share taken off in the batch lane. */
export interface Price {
  readonly input: string
  readonly output: string
  readonly batchDiscount: string
}

export interface TokenCount {
  readonly input: number
  readonly output: number
}

/** Shown in place of a cost when the model's price is unknown. */
export const UNKNOWN_COST = '-'

/** Cost of tokens in the batch lane as an exact decimal without trailing zeros, or `-` when the price is unknown. */
export function batchCost(tokens: TokenCount, price: Price | null): string {
  if (price === null) return UNKNOWN_COST
  const list = new Big(price.input).times(tokens.input).plus(new Big(price.output).times(tokens.output))
  // A decimal shift of six places: Big's division would round.
  return list.times(new Big(1).minus(price.batchDiscount)).times('0.000001').toFixed()
}

/** Sum of two costs; unknown if either is. */
export function addCosts(a: string, b: string): string {
  return a === UNKNOWN_COST || b === UNKNOWN_COST ? UNKNOWN_COST : new Big(a).plus(b).toFixed()
}
