import type { RequestOutcome } from './failure-class.ts'

/** How much older than its upload a batch may seem by the provider's clock, seconds. */
export const CLOCK_MARGIN = 60

/** A batch as the provider shows it. */
export interface ProviderBatch {
  readonly id: string
  readonly inputFileId: string | null
  /** Our batch identity from the metadata; null when there is none. */
  readonly identity: string | null
  /** Seconds, by the provider's clock. */
  readonly createdAt: number
  readonly state: BatchState
}

/**
 * - Open: still runs, or ended with files that are not visible yet.
 * - Ended: `files` hold what there is; rows without a line ended as `unanswered` says.
 * - Failed: refused as a whole by validation; nothing was billed.
 */
export type BatchState =
  | { readonly kind: 'Open' }
  | {
      readonly kind: 'Ended'
      readonly files: readonly string[]
      readonly unanswered: 'Missing' | 'Expired' | 'Cancelled'
      /** Rows that have a line, by the provider's counts; null when it does not count. */
      readonly lines: number | null
    }
  | { readonly kind: 'Failed'; readonly message: string; readonly waitable: boolean }

/**
 * Answer to a call that changes something.
 * - Rejected: the provider itself said no; it had no effect.
 * - Ambiguous: nothing is known (timeout, reset, 408, 409, 5xx, unreadable 2xx); only recovery may decide.
 */
export type CallResult<T> =
  | { readonly kind: 'Accepted'; readonly value: T }
  | { readonly kind: 'Rejected'; readonly status: number; readonly message: string; readonly retryAfterSeconds: number | null }
  | { readonly kind: 'Ambiguous'; readonly message: string }

/** A provider's batch API. Calls that may cost money are sent once. */
export interface BatchProvider {
  /** Fingerprint of the account that the credentials belong to. One cheap call, once. Throws AuthFailed, ProviderUnavailable. */
  account(): Promise<string>
  /** One request of a batch file, with its line end. */
  requestLine(customId: string, prompt: string): Uint8Array
  /** Uploads a batch file under the name of the batch identity, to expire by itself. */
  upload(identity: string, bytes: AsyncIterable<Uint8Array>, size: number): Promise<CallResult<{ readonly id: string; readonly createdAt: number }>>
  /** Creates the batch. The one call that costs money. */
  create(fileId: string, identity: string): Promise<CallResult<ProviderBatch>>
  /** Throws AuthFailed, ProviderUnavailable. A 404 throws ProviderUnavailable: it is never "not submitted". */
  get(batchId: string): Promise<ProviderBatch>
  /**
   * All batches created at or after `sinceSeconds` by the provider's clock, complete or not at all: throws ProviderUnavailable when a page fails.
   */
  list(sinceSeconds: number): Promise<readonly ProviderBatch[]>
  /** Whether these credentials show a file. */
  fileExists(fileId: string): Promise<boolean>
  /** Ids of uploaded batch files with this name. */
  findFiles(identity: string): Promise<readonly string[]>
  /** Deletes a file; one that is gone counts as deleted. Throws ProviderUnavailable when it is not certain to be gone. */
  deleteFile(fileId: string): Promise<void>
  /** Outcomes in the file's order. Throws ProviderUnavailable when the body is shorter than the provider says the file is. */
  outcomes(fileId: string): AsyncIterable<RequestOutcome>
}
