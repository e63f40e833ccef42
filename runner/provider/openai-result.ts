import type { FailureClass, RequestOutcome } from './failure-class.ts'
import { asObject, listAt, numberAt, objectAt, parseObject, stringAt, type JsonObject } from './json-fields.ts'

/** Longest text kept of a failed row, in characters. */
const MESSAGE_LIMIT = 1_000

/**
 * Reads one line of a batch's output or error file; null when it is not a result line. Some servers put failed rows into the
 * output file, so the line decides and not the file it stands in.
 */
export function parseResultLine(line: string): RequestOutcome | null {
  const result = parseObject(line)
  const customId = stringAt(result, 'custom_id')
  if (result === undefined || customId === undefined) return null
  const response = objectAt(result, 'response')
  const status = numberAt(response, 'status_code')
  const body = objectAt(response, 'body')
  const usage = objectAt(body, 'usage')
  const counted = { promptTokens: numberAt(usage, 'prompt_tokens') ?? null, completionTokens: numberAt(usage, 'completion_tokens') ?? null }
  const failed = (failure: FailureClass, message: string): RequestOutcome => ({ customId, failure, text: message.slice(0, MESSAGE_LIMIT), ...counted })
  if (status !== undefined && status >= 200 && status < 300) {
    const answer = readAnswer(body)
    return answer.failure === null ? { customId, failure: null, text: answer.text, ...counted } : failed(answer.failure, answer.text)
  }
  const error = objectAt(body, 'error') ?? objectAt(result, 'error')
  const code = stringAt(error, 'code') ?? stringAt(error, 'type') ?? ''
  return failed(failureOf(status, code), stringAt(error, 'message') ?? (code || `status ${status ?? 'unknown'}`))
}

function readAnswer(body: JsonObject | undefined): { readonly failure: FailureClass | null; readonly text: string } {
  const choice = asObject(listAt(body, 'choices')[0])
  const message = objectAt(choice, 'message')
  const refusal = stringAt(message, 'refusal')
  const content = stringAt(message, 'content')
  const finish = stringAt(choice, 'finish_reason')
  // Some servers write "" where OpenAI writes null.
  if (refusal !== undefined && refusal !== '') return { failure: 'Refused', text: refusal }
  if (finish === 'content_filter') return { failure: 'Refused', text: 'the provider\'s content filter stopped the answer' }
  if (finish === 'length') return { failure: 'Truncated', text: 'the answer reached its token limit' }
  if (content === undefined) return { failure: 'ServerError', text: 'the answer has no choices[0].message.content' }
  return { failure: null, text: content }
}

/** Status and error code of a row to its class (developers.openai.com/api/docs/guides/error-codes). */
function failureOf(status: number | undefined, code: string): FailureClass {
  switch (code) {
    case 'batch_expired':
      return 'Expired'
    case 'batch_cancelled':
      return 'Cancelled'
    case 'context_length_exceeded':
      return 'ContextLength'
    case 'content_filter':
    case 'content_policy_violation':
      return 'Refused'
    default:
  }
  if (status === 429) return 'RateLimited'
  if (status === 413) return 'RecordTooLarge'
  if (status !== undefined && status >= 400 && status < 500) return 'InvalidRequest'
  return 'ServerError'
}
