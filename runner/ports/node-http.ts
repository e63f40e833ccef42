import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { messageOf } from '../../crds/errors.ts'
import { ProviderConnectionError, type ProviderHttp, type ProviderHttpRequest, type ProviderHttpResponse } from './provider-http.ts'

/** Connections to one host that GETs use again. Idle ones do not keep the process alive. */
const GET_SOCKETS = 16

/**
 * HTTP over the network. It sends a request once: no retries, no redirects, no decompression. (Node's global fetch sends a
 * request again when the answer is 421 and gives up on headers after 300 s, so it is not used.) Only GETs reuse connections: a POST on
 * a connection that the server is closing would fail without saying whether it arrived. A streamed body is sent as it is pulled, with the
 * given content-length or chunked; the time to the response's headers counts from its last piece. An error of the body's source is thrown as it is.
 * When `env` has NODE_USE_ENV_PROXY=1, requests go by its HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as Node's own would.
 */
export function makeNodeHttp(env: Readonly<Record<string, string | undefined>>): ProviderHttp {
  const proxy = env['NODE_USE_ENV_PROXY'] === '1' ? { proxyEnv: { ...env } } : {}
  const agentsWith = (options: object): Agents => ({ 'http:': new HttpAgent({ ...proxy, ...options }), 'https:': new HttpsAgent({ ...proxy, ...options }) })
  const reusing = agentsWith({ keepAlive: true, maxSockets: GET_SOCKETS })
  const single = agentsWith({ keepAlive: false })
  return (request) => sendOnce(request, request.method === 'GET' ? reusing : single)
}

type Agents = Readonly<Record<'http:' | 'https:', HttpAgent>>

async function sendOnce(request: ProviderHttpRequest, agents: Agents): Promise<ProviderHttpResponse> {
  const url = new URL(request.url)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new TypeError(`not an http or https URL: ${request.url}`)
  const headers: Record<string, string> = { 'accept-encoding': 'identity', ...lowerCased(request.headers) }
  if (typeof request.body === 'string') headers['content-length'] = String(Buffer.byteLength(request.body))
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const exchange = send(url, { method: request.method, headers, agent: agents[url.protocol] })
  const watchdog = new Watchdog(request.timeoutMs)
  try {
    const response = await sendAndAwaitHeaders(exchange, request, headers['content-length'], watchdog)
    return {
      status: response.statusCode ?? 0,
      headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')])),
      body: bodyOf(response, watchdog, exchange, request),
    }
  } catch (error) {
    watchdog.disarm()
    exchange.destroy()
    throw error
  }
}

/** Resolves with the response's headers, which may come before the body's end. */
function sendAndAwaitHeaders(exchange: ClientRequest, request: ProviderHttpRequest, contentLength: string | undefined, watchdog: Watchdog): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const answer: { status?: number } = {}
    exchange.on('error', (error) => reject(failure(request, error)))
    exchange.on('close', () => reject(failure(request, new Error('the connection was closed without an answer'))))
    exchange.on('response', (response) => {
      answer.status = response.statusCode ?? 0
      // Later errors reach the reader of the body; without a listener one that comes before would end the process.
      response.on('error', () => undefined)
      watchdog.arm(response)
      resolve(response)
    })
    writeBody(exchange, request.body, contentLength, watchdog, answer).catch((error: unknown) => {
      // The source's own error, as it is: the connection is not to blame.
      reject(error)
      exchange.destroy()
    })
  })
}

async function writeBody(
  exchange: ClientRequest,
  body: ProviderHttpRequest['body'],
  contentLength: string | undefined,
  watchdog: Watchdog,
  answer: { status?: number },
): Promise<void> {
  if (body === undefined || typeof body === 'string') {
    watchdog.arm(exchange)
    exchange.end(body)
    return
  }
  let sent = 0
  for await (const piece of body) {
    if (exchange.destroyed || isRefused(answer)) return
    sent += piece.length
    if (contentLength !== undefined && sent > Number(contentLength)) throw new Error(`the body is longer than its content-length of ${contentLength}`)
    if (exchange.write(piece)) continue
    watchdog.arm(exchange)
    await drained(exchange)
    // The time that the body's source takes is not the server's. A response that came has armed the watchdog for itself.
    if (answer.status === undefined) watchdog.disarm()
  }
  if (exchange.destroyed || isRefused(answer)) return
  if (contentLength !== undefined && sent !== Number(contentLength)) throw new Error(`the body has ${sent} bytes, not its content-length of ${contentLength}`)
  if (answer.status === undefined) watchdog.arm(exchange)
  exchange.end()
}

/** Whether the server answered that it does not take the body, so the rest need not be sent. */
function isRefused(answer: { readonly status?: number }): boolean {
  return answer.status !== undefined && answer.status >= 300
}

/** Resolves when more may be written, or the exchange is over. */
function drained(exchange: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'response']) exchange.off(event, done)
      resolve()
    }
    for (const event of ['drain', 'close', 'response']) exchange.on(event, done)
  })
}

async function* bodyOf(response: IncomingMessage, watchdog: Watchdog, exchange: ClientRequest, request: ProviderHttpRequest): AsyncGenerator<Uint8Array> {
  const pieces: AsyncIterator<Buffer> = response[Symbol.asyncIterator]()
  try {
    for (;;) {
      watchdog.arm(response)
      const next = await pieces.next()
      // What the reader does with a piece takes as long as it takes.
      watchdog.disarm()
      if (next.done === true) break
      yield next.value
    }
    if (!response.complete) throw new Error('the connection was closed before the body\'s end')
  } catch (error) {
    throw failure(request, error)
  } finally {
    watchdog.disarm()
    // A body that was read to its end leaves its connection to the next GET.
    if (!response.complete || !exchange.writableFinished) exchange.destroy()
  }
}

/** Ends a request or a response on which nothing moved for `ms`. */
class Watchdog {
  readonly #ms: number
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.#ms = ms
  }

  /** Counts from now. */
  arm(target: ClientRequest | IncomingMessage): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => target.destroy(new Error(`nothing moved for ${this.#ms} ms`)), this.#ms)
  }

  disarm(): void {
    clearTimeout(this.#timer)
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

/** The error with the request it belongs to; the URL's query and credentials are left out. */
function failure(request: ProviderHttpRequest, error: unknown): ProviderConnectionError {
  const { origin, pathname } = new URL(request.url)
  // When several addresses were tried, the message is empty and the code tells.
  const reason = messageOf(error) || (error instanceof Error && 'code' in error ? String(error.code) : 'unknown error')
  return new ProviderConnectionError(`${request.method} ${origin}${pathname}: ${reason}`, { cause: error })
}
