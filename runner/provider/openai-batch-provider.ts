import { digestOf } from '../../crds/digest.ts'
import { LlmbatchError } from '../../crds/errors.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { Clock } from '../ports/clock.ts'
import { ProviderConnectionError, type ProviderHttp } from '../ports/provider-http.ts'
import { apiRoot } from './api-root.ts'
import type { BatchProvider, BatchState, CallResult, ProviderBatch } from './batch-provider.ts'
import { asObject, listAt, numberAt, objectAt, stringAt, type JsonObject } from './json-fields.ts'
import type { ProviderLimits } from './limits.ts'
import { linesOf } from './lines.ts'
import { compileRequestLine } from './openai-request.ts'
import { parseResultLine } from './openai-result.ts'
import { ProviderClient } from './provider-client.ts'

/** Metadata key that carries our batch identity. */
const IDENTITY_KEY = 'llmbatch_identity'
const PAGE_LIMIT = 100
const BOUNDARY = 'llmbatch-upload-boundary-7f1d0c2a'

/** OpenAI's Files and Batches API (platform.openai.com/docs/api-reference/batch), and servers that speak it. */
export function makeOpenAIBatchProvider(
  spec: Pick<LlmBatchJobSpec, 'provider' | 'request'>,
  ports: { readonly http: ProviderHttp; readonly clock: Clock },
  apiKey: string,
  limits: ProviderLimits,
): BatchProvider {
  const client = new ProviderClient(ports, apiRoot(spec.provider), { authorization: `Bearer ${apiKey}` }, limits.timeoutSeconds * 1000)
  let account: Promise<string> | undefined
  return {
    requestLine: compileRequestLine(spec.request),

    account: () => (account ??= fingerprint(client, spec.provider)),

    upload: async (identity, bytes, size) => {
      const head = Buffer.from(
        field('purpose', 'batch') +
          field('expires_after[anchor]', 'created_at') +
          field('expires_after[seconds]', String(limits.fileExpirySeconds)) +
          `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="${identity}.jsonl"\r\ncontent-type: application/jsonl\r\n\r\n`,
      )
      const tail = Buffer.from(`\r\n--${BOUNDARY}--\r\n`)
      const result = await client.change('POST', '/files', {
        headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, 'content-length': String(head.length + size + tail.length) },
        body: joined(head, bytes, tail),
      })
      return accepted(result, (file) => {
        const id = stringAt(file, 'id')
        const createdAt = numberAt(file, 'created_at')
        return id === undefined || createdAt === undefined ? undefined : { id, createdAt }
      })
    },

    create: async (fileId, identity) => {
      const body = JSON.stringify({ input_file_id: fileId, endpoint: '/v1/chat/completions', completion_window: '24h', metadata: { [IDENTITY_KEY]: identity } })
      return accepted(await client.change('POST', '/batches', { headers: { 'content-type': 'application/json' }, body }), readBatch)
    },

    get: async (batchId) => {
      const batch = readBatch(await client.read(`/batches/${encodeURIComponent(batchId)}`))
      if (batch === undefined) throw new LlmbatchError('ProviderUnavailable', `batch ${batchId}: the provider's answer is not a batch`)
      return batch
    },

    list: async (sinceSeconds) => {
      const found: ProviderBatch[] = []
      let falls = false
      let rises = false
      let last: number | undefined
      for await (const page of pages(client, '/batches')) {
        for (const item of page) {
          const batch = readBatch(item)
          if (batch === undefined) throw new LlmbatchError('ProviderUnavailable', 'the list of batches holds something that is not a batch')
          if (last !== undefined && batch.createdAt < last) falls = true
          if (last !== undefined && batch.createdAt > last) rises = true
          last = batch.createdAt
          found.push(batch)
        }
        // Only a list that is seen to go from new to old may be left before its end.
        if (falls && !rises && last !== undefined && last < sinceSeconds) break
      }
      return found.filter((batch) => batch.createdAt >= sinceSeconds)
    },

    fileExists: async (fileId) => (await client.readIfExists(`/files/${encodeURIComponent(fileId)}`)) !== null,

    findFiles: async (identity) => {
      const ids: string[] = []
      for await (const page of pages(client, '/files', '&purpose=batch')) {
        for (const file of page) {
          const id = stringAt(file, 'id')
          if (id !== undefined && stringAt(file, 'filename') === `${identity}.jsonl`) ids.push(id)
        }
      }
      return ids
    },

    deleteFile: (fileId) => client.remove(`/files/${encodeURIComponent(fileId)}`),

    outcomes: async function* (fileId) {
      const path = `/files/${encodeURIComponent(fileId)}`
      const size = numberAt(await client.read(path), 'bytes')
      let received = 0
      const counted = async function* (body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
        for await (const piece of body) {
          received += piece.length
          yield piece
        }
      }
      try {
        for await (const line of linesOf(counted(await client.stream(`${path}/content`)))) {
          const outcome = parseResultLine(line)
          if (outcome === null) throw new LlmbatchError('ProviderUnavailable', `file ${fileId} holds a line that is not a result: ${line.slice(0, 120)}`)
          yield outcome
        }
      } catch (error) {
        if (error instanceof ProviderConnectionError || error instanceof RangeError) throw new LlmbatchError('ProviderUnavailable', `file ${fileId}: ${error.message}`, { cause: error })
        throw error
      }
      if (size !== undefined && received !== size) throw new LlmbatchError('ProviderUnavailable', `file ${fileId}: ${received} of ${size} bytes arrived`)
    },
  }
}

async function fingerprint(client: ProviderClient, provider: LlmBatchJobSpec['provider']): Promise<string> {
  const headers = await client.headersOf('/batches?limit=1')
  return digestOf({
    type: provider.type,
    url: provider.type === 'Simulated' ? null : apiRoot(provider),
    organization: headers['openai-organization'] ?? null,
    project: headers['openai-project'] ?? null,
  }).slice(0, 16)
}

const field = (name: string, value: string): string => `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`

async function* joined(head: Uint8Array, body: AsyncIterable<Uint8Array>, tail: Uint8Array): AsyncGenerator<Uint8Array> {
  yield head
  yield* body
  yield tail
}

/** Pages of a cursor-paged list. Throws ProviderUnavailable when a page fails, is not a list of objects, or the cursor does not move. */
async function* pages(client: ProviderClient, path: string, query = ''): AsyncGenerator<readonly JsonObject[]> {
  let after: string | undefined
  for (;;) {
    const page = await client.read(`${path}?limit=${PAGE_LIMIT}${query}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`)
    // An answer without a list says nothing; taken as an empty list it would say that nothing was submitted.
    if (!Array.isArray(page['data'])) throw new LlmbatchError('ProviderUnavailable', `${path}: the answer is not a list`)
    const items = page['data'].map(asObject).filter((item) => item !== undefined)
    if (items.length < page['data'].length) throw new LlmbatchError('ProviderUnavailable', `${path}: the list holds something that is not an object`)
    yield items
    if (page['has_more'] !== true) return
    const last = stringAt(page, 'last_id') ?? stringAt(items.at(-1), 'id')
    if (last === undefined || last === after) throw new LlmbatchError('ProviderUnavailable', `${path}: the list says that it has more, but not where`)
    after = last
  }
}

function accepted<T>(result: CallResult<JsonObject>, read: (body: JsonObject) => T | undefined): CallResult<T> {
  if (result.kind !== 'Accepted') return result
  const value = read(result.value)
  return value === undefined ? { kind: 'Ambiguous', message: 'the provider said yes, but its answer lacks the id' } : { kind: 'Accepted', value }
}

function readBatch(batch: JsonObject): ProviderBatch | undefined {
  const id = stringAt(batch, 'id')
  const createdAt = numberAt(batch, 'created_at')
  if (id === undefined || createdAt === undefined) return undefined
  return {
    id,
    createdAt,
    inputFileId: stringAt(batch, 'input_file_id') ?? null,
    identity: stringAt(objectAt(batch, 'metadata'), IDENTITY_KEY) ?? null,
    state: readState(batch),
  }
}

function readState(batch: JsonObject): BatchState {
  const files = [stringAt(batch, 'output_file_id'), stringAt(batch, 'error_file_id')].filter((id) => id !== undefined)
  switch (stringAt(batch, 'status')) {
    case 'completed':
      // Every row of a completed batch ended in a file, so without any the counts lag behind too.
      return files.length > 0 && filesAreVisible(batch) ? { kind: 'Ended', files, unanswered: 'Missing', lines: linesOfCounts(batch) } : { kind: 'Open' }
    case 'expired':
      return filesAreVisible(batch) ? { kind: 'Ended', files, unanswered: 'Expired', lines: null } : { kind: 'Open' }
    case 'cancelled':
      return filesAreVisible(batch) ? { kind: 'Ended', files, unanswered: 'Cancelled', lines: null } : { kind: 'Open' }
    case 'failed': {
      const errors = listAt(objectAt(batch, 'errors'), 'data').map(asObject)
      const words = errors.map((error) => stringAt(error, 'message') ?? stringAt(error, 'code') ?? '').filter((text) => text !== '')
      return {
        kind: 'Failed',
        message: words.slice(0, 3).join('; ').slice(0, 500) || 'no reason given',
        waitable: errors.some((error) => stringAt(error, 'code') === 'token_limit_exceeded'),
      }
    }
    default:
      return { kind: 'Open' }
  }
}

/** Rows that a completed batch must have a line for, in the output or the error file; null when the server does not count. */
function linesOfCounts(batch: JsonObject): number | null {
  const counts = objectAt(batch, 'request_counts')
  const completed = numberAt(counts, 'completed')
  return completed === undefined ? null : completed + (numberAt(counts, 'failed') ?? 0)
}

/**
 * `completed` can be seen before the file ids are. The counts say which files there must be; an output file is absent when no request
 * succeeded, an error file when none failed; a batch that was cancelled while it was validated has neither, and counts no rows. Without counts, one
 * file is enough.
 */
function filesAreVisible(batch: JsonObject): boolean {
  const counts = objectAt(batch, 'request_counts')
  const output = stringAt(batch, 'output_file_id') !== undefined
  const errors = stringAt(batch, 'error_file_id') !== undefined
  const completed = numberAt(counts, 'completed')
  const failed = numberAt(counts, 'failed')
  if (completed === undefined && failed === undefined) return output || errors
  // A server may put failed rows into the output file and have no error file.
  return (!((completed ?? 0) > 0) || output) && (!((failed ?? 0) > 0) || errors || output)
}
