import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { Price } from '../../crds/money.ts'

/** What a provider allows and how it behaves in time. One row per provider; the only place where these numbers stand. */
export interface ProviderLimits {
  /** Requests of one batch. */
  readonly batchRequests: number
  /** Bytes of one batch's upload. */
  readonly batchBytes: number
  /** How long a create may take to show in a listing, seconds; the wait between the two listings of a recovery. */
  readonly settleSeconds: number
  /** How long a lease must stay unchanged before it is taken over, seconds. */
  readonly leaseSeconds: number
  /** Time between two looks at an open batch, seconds. */
  readonly pollSeconds: number
  /** Time without an answer after which a request counts as unanswered, seconds. */
  readonly timeoutSeconds: number
  /** How long an uploaded file may live, seconds: an orphan removes itself. */
  readonly fileExpirySeconds: number
}

/** OpenAI: 50,000 requests, 200 MB, window 24 h (developers.openai.com/api/docs/guides/batch); files expire after 1 h to 30 d. */
const OPENAI: ProviderLimits = {
  batchRequests: 50_000,
  batchBytes: 200_000_000,
  settleSeconds: 120,
  leaseSeconds: 30,
  pollSeconds: 120,
  timeoutSeconds: 120,
  fileExpirySeconds: 14 * 86_400,
}

const LIMITS: Readonly<Record<LlmBatchJobSpec['provider']['type'], ProviderLimits>> = {
  OpenAI: OPENAI,
  Simulated: { ...OPENAI, settleSeconds: 1, leaseSeconds: 1, pollSeconds: 0.5, timeoutSeconds: 30 },
}

export function limitsOf(provider: Pick<LlmBatchJobSpec['provider'], 'type'>): ProviderLimits {
  return LIMITS[provider.type]
}

/** The model's price: the user's, or for Simulated a built-in one; null when unknown. */
export function priceOf(provider: Pick<LlmBatchJobSpec['provider'], 'type' | 'prices'>, model: string): Price | null {
  return provider.prices?.[model] ?? (provider.type === 'Simulated' ? { input: '0.25', output: '2.00', batchDiscount: '0.5' } : null)
}
