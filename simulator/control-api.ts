import { ApiError, invalidType, invalidValue, missingParameter } from './api-error.ts'
import { endedAtMs, statusAt } from './batch-timeline.ts'
import { type CallScript, type HoldView, MAX_HOLDS } from './call-script.ts'
import { readJson, type Reply, type SimulatorRequest } from './exchange.ts'
import { isLive, type ProviderState } from './provider-state.ts'

/** What `GET /simulator/state` tells. */
export interface SimulatorStateView {
  /** Identity of the state that the simulator keeps. */
  readonly identity: string
  /** The simulator's clock, milliseconds since 1970. */
  readonly now: number
  /** `live`: those that can be used now; `created`: all that ever were, batches' output included. */
  readonly files: { readonly live: number; readonly created: number }
  /** `open`: not at their end yet. */
  readonly batches: { readonly open: number; readonly created: number; readonly byStatus: Readonly<Record<string, number>> }
  readonly lateCreates: { readonly pending: number; readonly accepted: number; readonly refused: number }
  /** Attempts on the bill: the rows of all batches that ended after they passed validation. */
  readonly attempts: number
  /** Provider calls since the process started, refused ones included, by endpoint. */
  readonly calls: Readonly<Record<string, number>>
}

/** `/simulator/...`: what no provider has. It needs no credentials and is never held. */
export class ControlApi {
  readonly #state: ProviderState
  readonly #script: CallScript
  readonly #now: () => number

  constructor(state: ProviderState, script: CallScript, now: () => number) {
    this.#state = state
    this.#script = script
    this.#now = now
  }

  async handle(request: SimulatorRequest, path: string): Promise<Reply> {
    const [, , subject, id, verb, ...rest] = path.split('/')
    if (rest.length === 0) {
      if (subject === 'holds' && id === undefined) {
        if (request.method === 'GET') return { json: { object: 'list', data: this.#script.holds() } }
        if (request.method === 'POST') return { json: await this.#hold(request) }
      }
      if (subject === 'holds' && id !== undefined && request.method === 'POST' && (verb === 'release' || verb === 'drop')) {
        const hold = this.#script.endHold(id, verb)
        if (hold !== null) return { json: hold }
      }
      if (subject === 'bill' && id === undefined && request.method === 'GET') return this.#bill()
      if (subject === 'state' && id === undefined && request.method === 'GET') return { json: await this.#view() }
    }
    throw new ApiError(404, `The simulator has no control endpoint ${request.method} ${path}.`)
  }

  async #hold(request: SimulatorRequest): Promise<HoldView> {
    const { call, n = 1, when = 'before' } = await readJson(request.body)
    if (call === undefined) throw missingParameter('call')
    if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 1) throw invalidType('n', 'an integer of at least 1')
    if (when !== 'before' && when !== 'after') throw invalidValue('when', when, ['before', 'after'])
    const hold = typeof call === 'string' ? this.#script.addHold(call, n, when) : null
    if (hold === null) {
      throw new ApiError(400, `The call must be a method and a path, such as "POST /v1/batches", and there may be ${MAX_HOLDS} holds.`, { param: 'call' })
    }
    return hold
  }

  async #bill(): Promise<Reply> {
    await this.#state.exclusive(() => this.#state.settle(this.#now()))
    return { stream: this.#state.bill(), bytes: null, headers: { 'content-type': 'application/jsonl' } }
  }

  #view(): Promise<SimulatorStateView> {
    return this.#state.exclusive(async () => {
      const now = this.#now()
      await this.#state.settle(now)
      const byStatus: Record<string, number> = {}
      let [open, attempts] = [0, 0]
      for (const batch of this.#state.batches.values()) {
        const status = statusAt(batch, now)
        byStatus[status] = (byStatus[status] ?? 0) + 1
        const ended = endedAtMs(batch)
        if (ended === null || ended > now) open += 1
        if (batch.result !== null && batch.validation?.valid === true) attempts += batch.validation.total
      }
      const lateCreates = { pending: 0, accepted: 0, refused: 0 }
      for (const late of this.#state.lateCreates.values()) lateCreates[late.outcome] += 1
      const files = [...this.#state.files.values()]
      return {
        identity: this.#state.store.identity,
        now,
        files: { live: files.filter((file) => isLive(file, now)).length, created: files.length },
        batches: { open, created: this.#state.batches.size, byStatus },
        lateCreates,
        attempts,
        calls: this.#script.counts(),
      }
    })
  }
}
