import { messageOf } from '../../../crds/errors.ts'
import { ConnectionCut } from '../../../simulator/api-error.ts'
import type { VirtualProvider } from '../../../simulator/virtual-provider.ts'
import { SleepingClock } from '../../ledger/testdata/test-ports.ts'
import { ProviderConnectionError, type ProviderHttp, type ProviderHttpRequest, type ProviderHttpResponse } from '../../ports/provider-http.ts'

/** The wire to a simulator in this process: a cut answer is a fault of the connection. */
export function simulatedHttp(provider: Pick<VirtualProvider, 'simulator'>): ProviderHttp {
  return async ({ method, url, headers, body }) => {
    const { pathname, search } = new URL(url)
    try {
      const response = await provider.simulator.handle({ method, path: pathname + search, headers, body: typeof body === 'string' ? once(body) : (body ?? once('')) })
      return { ...response, body: guarded(response.body) }
    } catch (error) {
      throw asConnectionError(error)
    }
  }
}

/** An answer of a script: a JSON value or text with a status, or a break of the connection before or within the answer. */
export type ScriptedAnswer =
  | { readonly status: number; readonly json: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly status: number; readonly text: string }
  | { readonly reset: 'before' | 'within' }

/** A provider that answers from a list, in order, and keeps what it was asked. Throws when it is asked once more. */
export class ScriptedProvider {
  readonly requests: ProviderHttpRequest[] = []
  readonly clock = new SleepingClock()
  readonly #answers: ScriptedAnswer[]

  constructor(answers: readonly ScriptedAnswer[]) {
    this.#answers = [...answers]
  }

  /** Method and path of each request. */
  get calls(): string[] {
    return this.requests.map(({ method, url }) => `${method} ${new URL(url).pathname}${new URL(url).search}`)
  }

  readonly http: ProviderHttp = async (request): Promise<ProviderHttpResponse> => {
    this.requests.push(request)
    const answer = this.#answers.shift()
    if (answer === undefined) throw new Error(`the script has no answer to ${request.method} ${request.url}`)
    await Promise.resolve()
    if ('reset' in answer) {
      if (answer.reset === 'before') throw new ProviderConnectionError('connection reset')
      return { status: 200, headers: {}, body: broken() }
    }
    const headers = 'headers' in answer ? (answer.headers ?? {}) : {}
    return { status: answer.status, headers, body: once('json' in answer ? JSON.stringify(answer.json) : answer.text) }
  }
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text))
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from('{"id":"x",'))
  throw new ProviderConnectionError('the connection was closed before the body\'s end')
}

async function* guarded(body: string | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* typeof body === 'string' ? once(body) : body
  } catch (error) {
    throw asConnectionError(error)
  }
}

function asConnectionError(error: unknown): unknown {
  return error instanceof ConnectionCut ? new ProviderConnectionError(messageOf(error), { cause: error }) : error
}
