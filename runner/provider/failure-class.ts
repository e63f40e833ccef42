/** Why a row's attempt ended without a usable answer. Shown in the output's status column. */
export type FailureClass =
  | 'Expired'
  | 'RateLimited'
  | 'Refused'
  | 'InvalidRequest'
  | 'Truncated'
  | 'Missing'
  | 'RecordTooLarge'
  | 'ServerError'
  | 'ContextLength'
  | 'Cancelled'

/** How often a row is sent again after an attempt that ended in this class. */
const RETRY_LIMITS: Readonly<Record<FailureClass, number>> = {
  Expired: 1,
  RateLimited: 0,
  Refused: 0,
  InvalidRequest: 0,
  Truncated: 0,
  Missing: 0,
  RecordTooLarge: 0,
  ServerError: 0,
  ContextLength: 0,
  Cancelled: 0,
}

/** Whether a row whose attempt ended in `failure` may be sent again, after `retries` earlier ones. */
export function mayRetry(failure: FailureClass, retries: number): boolean {
  return retries < RETRY_LIMITS[failure]
}

/** What became of one request of a batch. */
export interface RequestOutcome {
  readonly customId: string
  /** null on success. */
  readonly failure: FailureClass | null
  /** The answer's text on success, else what the provider said. */
  readonly text: string
  /** As the provider counted them; null when it did not. */
  readonly promptTokens: number | null
  readonly completionTokens: number | null
}
