import type { Batch, BatchCreateParams } from 'openai/resources/batches'
import { ApiError, invalidType, invalidValue, missingParameter, stringTooLong } from './api-error.ts'
import { batchObject } from './batch-object.ts'
import { endedAtMs, statusAt } from './batch-timeline.ts'
import { integerParameter, type Page, pageOf, type Reply } from './exchange.ts'
import { isLive, type ProviderState } from './provider-state.ts'
import type { BatchRecord, BatchRequest } from './records.ts'
import { checkExpiry, MAX_EXPIRY_SECONDS } from './upload-form.ts'

/** The endpoints of OpenAI's that the simulator's model serves. */
const ENDPOINTS = ['/v1/chat/completions'] as const satisfies readonly BatchCreateParams['endpoint'][]

const MAX_BATCH_PAGE = 100
const DEFAULT_BATCH_PAGE = 20
const MAX_METADATA_PAIRS = 16
const MAX_METADATA_KEY = 64
const MAX_METADATA_VALUE = 512

function checkMetadata(value: unknown): Readonly<Record<string, string>> | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'object' || Array.isArray(value)) throw invalidType('metadata', 'an object')
  const entries = Object.entries(value)
  if (entries.length > MAX_METADATA_PAIRS) {
    const message = `Invalid 'metadata': too many properties. Expected an object with at most ${MAX_METADATA_PAIRS} properties, but got ${entries.length}.`
    throw new ApiError(400, message, { param: 'metadata', code: 'object_above_max_properties' })
  }
  const metadata: Record<string, string> = {}
  for (const [key, text] of entries) {
    const param = `metadata.${key}`
    if (typeof text !== 'string') throw invalidType(param, 'a string')
    if (key.length > MAX_METADATA_KEY) throw stringTooLong('metadata', 'key', MAX_METADATA_KEY, key.length)
    if (text.length > MAX_METADATA_VALUE) throw stringTooLong(param, 'string', MAX_METADATA_VALUE, text.length)
    metadata[key] = text
  }
  return metadata
}

/** Checks the form of a create. Whether its input file exists is another question. Throws ApiError. */
export function checkBatchRequest(body: Readonly<Record<string, unknown>>): BatchRequest {
  const { input_file_id: inputFileId, endpoint, completion_window: window, output_expires_after: expiry } = body
  if (inputFileId === undefined) throw missingParameter('input_file_id')
  if (typeof inputFileId !== 'string') throw invalidType('input_file_id', 'a string')
  if (endpoint === undefined) throw missingParameter('endpoint')
  const known = ENDPOINTS.find((each) => each === endpoint)
  if (known === undefined) throw invalidValue('endpoint', endpoint, ENDPOINTS)
  if (window === undefined) throw missingParameter('completion_window')
  if (window !== '24h') throw invalidValue('completion_window', window, ['24h'])
  if (expiry !== undefined && expiry !== null && typeof expiry !== 'object') throw invalidType('output_expires_after', 'an object')
  const outputExpiresSeconds =
    expiry === undefined || expiry === null
      ? MAX_EXPIRY_SECONDS
      : checkExpiry('output_expires_after', 'anchor' in expiry ? expiry.anchor : undefined, 'seconds' in expiry ? expiry.seconds : undefined)
  return { inputFileId, endpoint: known, metadata: checkMetadata(body['metadata']), outputExpiresSeconds }
}

/** `/v1/batches`, at a moment `now` up to which the state is settled. Each method throws ApiError for what OpenAI refuses. */
export class BatchesApi {
  readonly #state: ProviderState
  readonly #listLagMs: number

  constructor(state: ProviderState, listLagSeconds: number) {
    this.#state = state
    this.#listLagMs = listLagSeconds * 1000
  }

  /** `POST /v1/batches`: durable before it is answered. */
  async create(organization: string, body: Readonly<Record<string, unknown>>, now: number): Promise<Reply> {
    const request = checkBatchRequest(body)
    const input = this.#state.files.get(request.inputFileId)
    if (input === undefined || input.organization !== organization || !isLive(input, now)) {
      throw new ApiError(404, `No such File object: ${request.inputFileId}`, { param: 'input_file_id' })
    }
    if (input.purpose !== 'batch') {
      throw new ApiError(400, `Invalid file purpose: expected 'batch', but '${input.id}' has '${input.purpose}'.`, { param: 'input_file_id', code: 'invalid_value' })
    }
    const batch = this.#state.newBatch(request, organization, now)
    await this.#state.put(batch)
    return { json: batchObject(batch, now) }
  }

  /** A create that takes effect `seconds` later, for a client that has lost its connection. */
  async createLate(organization: string, body: Readonly<Record<string, unknown>>, now: number, seconds: number): Promise<void> {
    const request = checkBatchRequest(body)
    const { id, sequence } = this.#state.nextId('late_', 24)
    await this.#state.put({ kind: 'lateCreate', id, sequence, organization, effectiveAtMs: now + Math.round(seconds * 1000), request, outcome: 'pending' })
  }

  /** `GET /v1/batches`: newest first. */
  list(organization: string, query: URLSearchParams, now: number): Reply {
    const limit = integerParameter(query, 'limit', DEFAULT_BATCH_PAGE, 1, MAX_BATCH_PAGE)
    const batches = [...this.#state.batches.values()]
      .filter((batch) => batch.organization === organization)
      .sort((a, b) => b.createdAtMs - a.createdAtMs || b.sequence - a.sequence)
    const page: Page<Batch> = pageOf(batches, query, limit, (batch) => (now - batch.createdAtMs < this.#listLagMs ? null : batchObject(batch, now)))
    return { json: page }
  }

  /** `GET /v1/batches/{id}` */
  retrieve(organization: string, id: string, now: number): Reply {
    return { json: batchObject(this.#find(organization, id), now) }
  }

  /** `POST /v1/batches/{id}/cancel` */
  async cancel(organization: string, id: string, now: number): Promise<Reply> {
    const batch = this.#find(organization, id)
    const ended = endedAtMs(batch)
    if (ended !== null && ended <= now) throw new ApiError(409, `Cannot cancel a batch with status '${statusAt(batch, now)}'.`)
    const cancelled = batch.cancelledAtMs === null ? { ...batch, cancelledAtMs: now } : batch
    if (cancelled !== batch) await this.#state.put(cancelled)
    return { json: batchObject(cancelled, now) }
  }

  #find(organization: string, id: string): BatchRecord {
    const batch = this.#state.batches.get(id)
    if (batch === undefined || batch.organization !== organization) throw new ApiError(404, `No batch found with id '${id}'.`)
    return batch
  }
}
