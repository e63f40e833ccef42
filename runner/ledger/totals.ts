import type { Ledger } from '../../crds/generated/ledger.ts'

/** Rows and tokens of committed chunks. */
export type Totals = Ledger['totals']

/** Of no chunk. */
export const NO_TOTALS: Totals = { succeeded: 0, failed: 0, inputTokens: 0, outputTokens: 0 }

/** Sum of two. */
export function addTotals(a: Totals, b: Totals): Totals {
  return {
    succeeded: a.succeeded + b.succeeded,
    failed: a.failed + b.failed,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
  }
}
