import { ApiError, ConnectionCut } from './api-error.ts'
import { BatchesApi } from './batches-api.ts'
import type { Behaviour, Fault } from './behaviour.ts'
import { CallScript } from './call-script.ts'
import { ControlApi } from './control-api.ts'
import { readJson, type Reply, type SimulatorRequest, type SimulatorResponse } from './exchange.ts'
import { FilesApi } from './files-api.ts'
import { httpDate } from './http-date.ts'
import { ProviderState } from './provider-state.ts'
import { hexOf } from './seeded-random.ts'
import type { SimulatorStore } from './store.ts'

/** The only source of time. */
export interface SimulatorClock {
  /** Milliseconds since 1970; in a simulation, virtual ones. */
  now(): number
}

export interface SimulatorPorts {
  readonly clock: SimulatorClock
  readonly store: SimulatorStore
  readonly behaviour: Behaviour
}

const ORGANIZATION = 'org-simulated'

interface Endpoint {
  /** The call with `{id}` for ids, as counted and shown. */
  readonly name: string
  readonly takesJson: boolean
  act(organization: string, json: Readonly<Record<string, unknown>>): Promise<Reply> | Reply
}

/** Half of the bytes, then the cut. */
async function* cutHalfway(stream: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = Math.floor(bytes / 2)
  for await (const piece of stream) {
    if (piece.byteLength >= left) {
      if (left > 0) yield piece.subarray(0, left)
      break
    }
    left -= piece.byteLength
    yield piece
  }
  throw new ConnectionCut('a scripted fault cuts the answer')
}

/**
 * An LLM provider that speaks OpenAI's Files and Batches API, bills what it accepts, and can be held at any call.
 * Time passes only as the clock says, and nothing happens between requests: each request first brings the state up to
 * now. With MemoryStore it waits for nothing but microtasks, its own holds and the request's body.
 */
export class ProviderSimulator {
  readonly #clock: SimulatorClock
  readonly #behaviour: Behaviour
  readonly #state: ProviderState
  readonly #script: CallScript
  readonly #files: FilesApi
  readonly #batches: BatchesApi
  readonly #control: ControlApi
  #requests = 0

  constructor(ports: SimulatorPorts) {
    const now = (): number => ports.clock.now()
    this.#clock = ports.clock
    this.#behaviour = ports.behaviour
    this.#state = new ProviderState(ports.store, ports.behaviour)
    this.#script = new CallScript(ports.behaviour.faults)
    this.#files = new FilesApi(this.#state, now)
    this.#batches = new BatchesApi(this.#state, ports.behaviour.listLagSeconds)
    this.#control = new ControlApi(this.#state, this.#script, now)
  }

  /**
   * Answers one request. Rejects with ConnectionCut when the connection is to end without an answer, with the body's error
   * when reading it fails, and with the store's when state cannot be kept; refusals are answers.
   */
  async handle(request: SimulatorRequest): Promise<SimulatorResponse> {
    await this.#state.load()
    const url = new URL(request.path, 'http://simulator')
    let organization: string | null = null
    try {
      if (url.pathname.startsWith('/simulator/')) return this.#respond(null, await this.#control.handle(request, url.pathname))
      const endpoint = this.#endpoint(request, url)
      const scripted = this.#script.visit(request.method, url.pathname, endpoint.name)
      // Read before any hold: what the provider has in full takes effect even if the client dies meanwhile.
      const json = endpoint.takesJson ? await readJson(request.body) : {}
      organization = this.#authenticate(request)
      if ((await scripted.before()) === 'drop') throw new ConnectionCut('a hold was dropped before the call acted')
      const reply = await this.#act(endpoint, organization, json, scripted.fault)
      if ((await scripted.after()) === 'drop') throw new ConnectionCut('a hold was dropped after the call acted')
      return this.#respond(organization, reply)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      return this.#respond(organization, { json: { error: error.body }, status: error.status })
    }
  }

  /** Cuts every call that is held: for a server that stops. */
  dropHeldCalls(): void {
    this.#script.dropHeld()
  }

  async #act(endpoint: Endpoint, organization: string, json: Readonly<Record<string, unknown>>, fault: Fault | null): Promise<Reply> {
    if (fault?.lateSeconds !== null && fault?.lateSeconds !== undefined) {
      const seconds = fault.lateSeconds
      await this.#inOrder((now) => this.#batches.createLate(organization, json, now, seconds))
      throw new ConnectionCut('a scripted fault delays the create')
    }
    if (fault?.when === 'before') throw this.#fault(fault)
    const reply = await endpoint.act(organization, json)
    if (fault?.when !== 'after') return reply
    if (fault.status === null && 'stream' in reply && reply.bytes !== null) return { ...reply, stream: cutHalfway(reply.stream, reply.bytes) }
    throw this.#fault(fault)
  }

  #fault(fault: Fault): Error {
    if (fault.status === null) return new ConnectionCut('a scripted fault resets the connection')
    return new ApiError(fault.status, 'The simulator was told to fail this call.', {
      type: fault.status === 429 ? 'rate_limit_error' : fault.status >= 500 ? 'server_error' : 'invalid_request_error',
      ...(fault.status === 429 ? { code: 'rate_limit_exceeded' } : {}),
    })
  }

  #authenticate(request: SimulatorRequest): string {
    const key = /^Bearer (\S+)$/i.exec(request.headers['authorization'] ?? '')?.[1]
    if (key === undefined) {
      throw new ApiError(401, "You didn't provide an API key. Provide it in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).")
    }
    const { apiKeys } = this.#behaviour
    const organization = apiKeys === null ? ORGANIZATION : Object.hasOwn(apiKeys, key) ? apiKeys[key] : undefined
    if (organization === undefined) throw new ApiError(401, 'Incorrect API key provided.', { code: 'invalid_api_key' })
    return organization
  }

  /** Acts on the state of one moment: after everything up to it, and before anything else. */
  #inOrder<T>(act: (now: number) => Promise<T> | T): Promise<T> {
    return this.#state.exclusive(async () => {
      const now = this.#clock.now()
      await this.#state.settle(now)
      return act(now)
    })
  }

  #endpoint(request: SimulatorRequest, url: URL): Endpoint {
    const { method } = request
    const [root, version, collection, id, verb, ...rest] = url.pathname.split('/')
    const known = root === '' && version === 'v1' && rest.length === 0 && id !== ''
    const plain = (name: string, act: (organization: string, now: number) => Promise<Reply> | Reply): Endpoint => ({
      name,
      takesJson: false,
      act: (organization) => this.#inOrder((now) => act(organization, now)),
    })
    if (known && collection === 'files' && id === undefined) {
      if (method === 'POST') return { name: 'POST /v1/files', takesJson: false, act: (organization) => this.#files.create(organization, request) }
      if (method === 'GET') return plain('GET /v1/files', (organization, now) => this.#files.list(organization, url.searchParams, now))
    }
    if (known && collection === 'files' && id !== undefined) {
      if (method === 'GET' && verb === undefined) return plain('GET /v1/files/{id}', (organization, now) => this.#files.retrieve(organization, id, now))
      if (method === 'DELETE' && verb === undefined) return plain('DELETE /v1/files/{id}', (organization, now) => this.#files.delete(organization, id, now))
      if (method === 'GET' && verb === 'content') return plain('GET /v1/files/{id}/content', (organization, now) => this.#files.content(organization, id, now))
    }
    if (known && collection === 'batches' && id === undefined) {
      const create: Endpoint['act'] = (organization, json) => this.#inOrder((now) => this.#batches.create(organization, json, now))
      if (method === 'POST') return { name: 'POST /v1/batches', takesJson: true, act: create }
      if (method === 'GET') return plain('GET /v1/batches', (organization, now) => this.#batches.list(organization, url.searchParams, now))
    }
    if (known && collection === 'batches' && id !== undefined) {
      if (method === 'GET' && verb === undefined) return plain('GET /v1/batches/{id}', (organization, now) => this.#batches.retrieve(organization, id, now))
      if (method === 'POST' && verb === 'cancel') return plain('POST /v1/batches/{id}/cancel', (organization, now) => this.#batches.cancel(organization, id, now))
    }
    throw new ApiError(404, `Invalid URL (${method} ${url.pathname})`)
  }

  #respond(organization: string | null, reply: Reply): SimulatorResponse {
    this.#requests += 1
    const common = {
      date: httpDate(this.#clock.now()),
      'x-request-id': `req_${hexOf(`${this.#state.store.identity} request ${this.#requests}`, 32)}`,
      'openai-version': '2020-10-01',
      ...(organization === null ? {} : { 'openai-organization': organization, 'openai-project': `proj_${organization}` }),
    }
    if ('stream' in reply) {
      const length = reply.bytes === null ? {} : { 'content-length': String(reply.bytes) }
      return { status: 200, headers: { ...common, ...reply.headers, ...length }, body: reply.stream }
    }
    const body = JSON.stringify(reply.json)
    return { status: reply.status ?? 200, headers: { ...common, 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }, body }
  }
}
