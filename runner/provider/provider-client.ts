import { LlmbatchError, messageOf } from '../../crds/errors.ts'
import type { Clock } from '../ports/clock.ts'
import { ProviderConnectionError, type ProviderHttp, type ProviderHttpRequest, type ProviderHttpResponse } from '../ports/provider-http.ts'
import type { CallResult } from './batch-provider.ts'
import { objectAt, parseObject, stringAt, type JsonObject } from './json-fields.ts'

/** Largest JSON answer that is read, in bytes. */
const ANSWER_LIMIT = 4 * 1024 * 1024
/** Waits between the tries of a call that changes nothing, milliseconds. */
const READ_BACKOFF = [500, 2_000, 5_000]
/** Longest wait that a Retry-After can ask for, seconds. */
const RETRY_AFTER_MOST = 3_600
/** Statuses by which the provider itself says no. All others that are not 2xx leave open what happened. */
const DEFINITE = new Set([400, 401, 403, 404, 413, 422, 429])

/** One provider's API over HTTP: reads are tried again, changes never are. */
export class ProviderClient {
  readonly #ports: { readonly http: ProviderHttp; readonly clock: Clock }
  readonly #root: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #timeoutMs: number

  constructor(ports: { readonly http: ProviderHttp; readonly clock: Clock }, root: string, headers: Readonly<Record<string, string>>, timeoutMs: number) {
    this.#ports = ports
    this.#root = root
    this.#headers = headers
    this.#timeoutMs = timeoutMs
  }

  /** A GET's JSON object. Throws AuthFailed, ProviderUnavailable. */
  async read(path: string): Promise<JsonObject> {
    return this.#retried(path, async (response) => {
      const object = parseObject(await textOf(response))
      if (object === undefined) throw new ProviderConnectionError('the answer is not a JSON object')
      return object
    })
  }

  /** A GET's JSON object; null when the provider says 404. */
  async readIfExists(path: string): Promise<JsonObject | null> {
    return this.#retried(path, async (response) => {
      const object = parseObject(await textOf(response))
      // A proxy's error page is not the provider's word.
      if (object === undefined) throw new ProviderConnectionError('the answer is not a JSON object')
      return response.status === 404 ? null : object
    }, 'GET', [404])
  }

  /** A GET's response headers, names in lower case. */
  async headersOf(path: string): Promise<Readonly<Record<string, string>>> {
    return this.#retried(path, async (response) => {
      await textOf(response)
      return response.headers
    })
  }

  /** A GET's body as it arrives; a break in the middle throws and is not tried again here. */
  async stream(path: string): Promise<AsyncIterable<Uint8Array>> {
    return this.#retried(path, async (response) => Promise.resolve(response.body))
  }

  /** DELETE; 404 counts as deleted. */
  async remove(path: string): Promise<void> {
    await this.#retried(path, textOf, 'DELETE', [404])
  }

  /** A call that changes something: sent once. */
  async change(method: 'POST', path: string, init: Pick<ProviderHttpRequest, 'headers' | 'body'>): Promise<CallResult<JsonObject>> {
    let response: ProviderHttpResponse
    let text: string
    try {
      response = await this.#send(method, path, init)
      text = await textOf(response)
    } catch (error) {
      if (error instanceof ProviderConnectionError) return { kind: 'Ambiguous', message: messageOf(error) }
      throw error
    }
    const object = parseObject(text)
    if (response.status >= 200 && response.status < 300) {
      return object === undefined ? { kind: 'Ambiguous', message: 'the answer is not a JSON object' } : { kind: 'Accepted', value: object }
    }
    // A proxy's error page is not the provider's word.
    if (DEFINITE.has(response.status) && object !== undefined) {
      return { kind: 'Rejected', status: response.status, message: wordsOf(object, text), retryAfterSeconds: retryAfter(response) }
    }
    return { kind: 'Ambiguous', message: `status ${response.status}: ${text.slice(0, 200)}` }
  }

  async #send(method: ProviderHttpRequest['method'], path: string, init: Partial<Pick<ProviderHttpRequest, 'headers' | 'body'>> = {}): Promise<ProviderHttpResponse> {
    const { body } = init
    return this.#ports.http({
      method,
      url: this.#root + path,
      headers: { ...this.#headers, ...init.headers },
      timeoutMs: this.#timeoutMs,
      ...(body === undefined ? {} : { body }),
    })
  }

  async #retried<T>(path: string, read: (response: ProviderHttpResponse) => Promise<T>, method: 'GET' | 'DELETE' = 'GET', alsoGood: readonly number[] = []): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      let why: string
      try {
        const response = await this.#send(method, path)
        if ((response.status >= 200 && response.status < 300) || alsoGood.includes(response.status)) return await read(response)
        const text = await textOf(response)
        why = `status ${response.status}: ${wordsOf(parseObject(text), text)}`
        if (response.status === 401 || response.status === 403) throw new LlmbatchError('AuthFailed', `${method} ${path}: ${why}`)
      } catch (error) {
        if (!(error instanceof ProviderConnectionError)) throw error
        why = messageOf(error)
      }
      const wait = READ_BACKOFF[attempt]
      if (wait === undefined) throw new LlmbatchError('ProviderUnavailable', `${method} ${this.#root}${path}: ${why}`)
      await this.#ports.clock.sleep(wait)
    }
  }
}

async function textOf(response: ProviderHttpResponse): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response.body) {
    size += piece.length
    if (size > ANSWER_LIMIT) throw new ProviderConnectionError(`the answer is longer than ${ANSWER_LIMIT} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function wordsOf(object: JsonObject | undefined, text: string): string {
  return (stringAt(objectAt(object, 'error'), 'message') ?? stringAt(object, 'detail') ?? text).slice(0, 500)
}

function retryAfter(response: ProviderHttpResponse): number | null {
  const seconds = Number(response.headers['retry-after'])
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, RETRY_AFTER_MOST) : null
}
