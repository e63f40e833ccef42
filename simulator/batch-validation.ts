import type { BatchError } from 'openai/resources/batches'
import { fateOf, isAnswered } from './batch-row.ts'
import { readLines } from './line-reader.ts'
import type { BatchRecord, Validation } from './records.ts'

/** OpenAI's limits of one batch. The size is read as decimal megabytes, the stricter reading. */
export const MAX_BATCH_REQUESTS = 50_000
export const MAX_BATCH_BYTES = 200_000_000
/** Further faults of a file are not listed. */
export const MAX_BATCH_ERRORS = 100
/** Bound of the ids held for finding duplicates: with MAX_BATCH_REQUESTS, 25 MB. OpenAI names no limit. */
const MAX_CUSTOM_ID_LENGTH = 512

/** One line of an input file whose form is right. */
export interface InputRow {
  readonly customId: string
  readonly body: unknown
}

interface LineFault {
  readonly code: string
  readonly message: string
  readonly param: string | null
}

interface CheckedRow extends InputRow {
  readonly model: string | null
}

const MISSING = 'missing_required_parameter'

function checkLine(line: string | null, endpoint: string): CheckedRow | LineFault {
  let value: unknown
  try {
    value = line === null ? undefined : JSON.parse(line)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { code: 'invalid_json_line', message: 'This line is not parseable as valid JSON.', param: null }
  }
  const customId = 'custom_id' in value ? value.custom_id : undefined
  if (typeof customId !== 'string' || customId === '') return { code: MISSING, message: "Missing required parameter: 'custom_id'.", param: 'custom_id' }
  if (customId.length > MAX_CUSTOM_ID_LENGTH) {
    return { code: 'invalid_custom_id', message: `The custom_id is longer than ${MAX_CUSTOM_ID_LENGTH} characters.`, param: 'custom_id' }
  }
  if (!('method' in value) || value.method !== 'POST') return { code: 'invalid_method', message: 'The method of each request must be POST.', param: 'method' }
  const url = 'url' in value ? value.url : undefined
  if (url === undefined) return { code: MISSING, message: "Missing required parameter: 'url'.", param: 'url' }
  if (url !== endpoint) {
    return { code: 'url_mismatch', message: `The URL ${JSON.stringify(url)} of this request does not match the batch's endpoint '${endpoint}'.`, param: 'url' }
  }
  const body = 'body' in value ? value.body : undefined
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { code: MISSING, message: "Missing required parameter: 'body'.", param: 'body' }
  const model = 'model' in body ? body.model : undefined
  return { customId, body, model: typeof model === 'string' && model !== '' ? model : null }
}

/** Parses a line that validation has passed. */
export function parseInputLine(line: string | null, endpoint: string): InputRow {
  const row = checkLine(line, endpoint)
  if ('code' in row) throw new Error(`an input file changed after its validation: ${row.message}`)
  return row
}

function failed(code: string, message: string): Validation {
  return { valid: false, errors: [{ code, message, line: null, param: null }] }
}

/** The verdict on a batch whose input file is gone before validation ends. */
export function missingInput(inputFileId: string): Validation {
  return failed('file_not_found', `The input file '${inputFileId}' does not exist.`)
}

/**
 * Validates an input file of `bytes` bytes as OpenAI does, all or nothing, and foresees how its rows end. It holds one
 * piece of the file and the custom_ids.
 */
export async function validateBatch(batch: BatchRecord, bytes: number, content: AsyncIterable<Uint8Array>): Promise<Validation> {
  if (bytes > MAX_BATCH_BYTES) return failed('file_too_large', `The input file has ${bytes} bytes. The limit is ${MAX_BATCH_BYTES}.`)
  const errors: BatchError[] = []
  const customIds = new Set<string>()
  let model: string | null = null
  let lineNumber = 0
  let succeeding = 0
  let expiring = 0
  for await (const lines of readLines(content)) {
    for (const line of lines) {
      lineNumber += 1
      if (lineNumber > MAX_BATCH_REQUESTS) return failed('too_many_tasks', `The input file has too many requests. The limit is ${MAX_BATCH_REQUESTS}.`)
      if (errors.length === MAX_BATCH_ERRORS) continue
      const report = (fault: LineFault): number => errors.push({ ...fault, line: lineNumber })
      const row = checkLine(line, batch.endpoint)
      if ('code' in row) {
        report(row)
        continue
      }
      if (customIds.has(row.customId)) {
        report({ code: 'duplicate_custom_id', message: `The custom_id '${row.customId}' is that of another request of this batch, too.`, param: 'custom_id' })
        continue
      }
      customIds.add(row.customId)
      model ??= row.model
      if (row.model !== null && row.model !== model) {
        const message = `The model '${row.model}' differs from '${model}'. All requests of a batch must name one model.`
        report({ code: 'model_mismatch', message, param: 'body.model' })
        continue
      }
      const fate = fateOf(row.customId, batch.plan.seed, batch.plan.rows)
      if (fate === 'expired') expiring += 1
      else if (isAnswered(fate, row.body)) succeeding += 1
    }
  }
  if (errors.length > 0) return { valid: false, errors }
  if (lineNumber === 0) return failed('empty_file', 'The input file is empty.')
  return { valid: true, model: model ?? '', total: lineNumber, succeeding, expiring }
}
