/** One HTTP exchange with the provider. It never retries: a create that is sent twice may be paid twice. */
export type ProviderHttp = (request: ProviderHttpRequest) => Promise<ProviderHttpResponse>

export interface ProviderHttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Streamed as it is pulled; never held whole. */
  readonly body?: string | AsyncIterable<Uint8Array>
  /** Time until the response's headers, and between two pieces of its body, in milliseconds. */
  readonly timeoutMs: number
}

/** A connection that was refused, reset, stalled or cut short: what the provider did is unknown. */
export class ProviderConnectionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProviderConnectionError'
  }
}

/** Faults of the connection reach the caller as ProviderConnectionError, thrown by the call or by its body; every status resolves. */
export interface ProviderHttpResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Throws ProviderConnectionError when the connection breaks or stalls before the body's end. */
  readonly body: AsyncIterable<Uint8Array>
}
