/** Price of every simulated model: per one million tokens, decimals; `batchDiscount` is the share taken off in the batch lane. */
export const SIMULATED_PRICE = { input: '0.25', output: '2.00', batchDiscount: '0.5' } as const

/** One accepted attempt. Accepted: its create took effect, whether or not the client lived to hear so, and validation passed. */
export interface BillLine {
  readonly customId: string
  readonly batchId: string
  /** `succeeded`: it was executed and answered with 200. `failed`: with another status. The others were never executed. */
  readonly outcome: 'succeeded' | 'expired' | 'cancelled' | 'failed'
  /** Only executed attempts with an answer are. */
  readonly billed: boolean
  readonly inputTokens: number
  readonly outputTokens: number
  /** A decimal without trailing zeros; `0` unless billed. */
  readonly cost: string
}

interface Decimal {
  readonly units: bigint
  readonly scale: number
}

function decimal(text: string): Decimal {
  const [whole = '', fraction = ''] = text.split('.')
  return { units: BigInt(whole + fraction), scale: fraction.length }
}

function times(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale }
}

function withoutDiscount(discount: Decimal): Decimal {
  return { units: 10n ** BigInt(discount.scale) - discount.units, scale: discount.scale }
}

function format(value: Decimal): string {
  if (value.scale === 0) return String(value.units)
  const digits = String(value.units).padStart(value.scale + 1, '0')
  const fraction = digits.slice(-value.scale).replace(/0+$/, '')
  const whole = digits.slice(0, -value.scale)
  return fraction === '' ? whole : `${whole}.${fraction}`
}

const MILLION_DIGITS = 6
const PAID_SHARE = withoutDiscount(decimal(SIMULATED_PRICE.batchDiscount))
const INPUT_PRICE = times(decimal(SIMULATED_PRICE.input), PAID_SHARE)
const OUTPUT_PRICE = times(decimal(SIMULATED_PRICE.output), PAID_SHARE)
const SCALE = Math.max(INPUT_PRICE.scale, OUTPUT_PRICE.scale)
const INPUT_UNITS = INPUT_PRICE.units * 10n ** BigInt(SCALE - INPUT_PRICE.scale)
const OUTPUT_UNITS = OUTPUT_PRICE.units * 10n ** BigInt(SCALE - OUTPUT_PRICE.scale)

/** Exact cost of tokens at the batch price, as a decimal without trailing zeros. */
export function costOf(inputTokens: number, outputTokens: number): string {
  return format({ units: BigInt(inputTokens) * INPUT_UNITS + BigInt(outputTokens) * OUTPUT_UNITS, scale: SCALE + MILLION_DIGITS })
}
