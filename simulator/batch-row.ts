import type { ChatCompletion } from 'openai/resources/chat/completions'
import type { ErrorObject } from 'openai/resources/shared'
import { answerChatRequest, type ChatRequest, countTokens, parseChatRequest, truncateToTokens } from './answer.ts'
import type { RowFractions } from './behaviour.ts'
import type { BillLine } from './bill.ts'
import { fractionOf, hexOf } from './seeded-random.ts'

/** Why a row was not executed. */
export type NotExecuted = 'expired' | 'cancelled'

/** A line of a batch's output or error file, as OpenAI's batch guide defines it. */
export interface BatchResponseLine {
  readonly id: string
  readonly custom_id: string
  readonly response: { readonly status_code: number; readonly request_id: string; readonly body: ChatCompletion | { readonly error: ErrorObject } } | null
  readonly error: { readonly code: string; readonly message: string } | null
}

/** What became of one row. */
export interface RowEnd {
  readonly line: BatchResponseLine
  readonly outcome: BillLine['outcome']
  readonly inputTokens: number
  readonly outputTokens: number
}

/** How a row is meant to end: `plain` is answered, or refused for what its request says. */
export type RowFate = keyof RowFractions | 'plain'

const REFUSAL = "I'm sorry, I can't assist with that request."

/** A row's fate: a function of the seed and its custom_id, so an attempt under a new custom_id is a new draw. */
export function fateOf(customId: string, seed: string, rows: RowFractions): RowFate {
  if (rows.expired + rows.serverError + rows.invalidRequest + rows.refused + rows.truncated === 0) return 'plain'
  let draw = fractionOf(`${seed}\n${customId}`)
  for (const fate of ['expired', 'serverError', 'invalidRequest', 'refused', 'truncated'] as const) {
    draw -= rows[fate]
    if (draw < 0) return fate
  }
  return 'plain'
}

/** Whether a row of this fate ends in a 200 when it is executed. */
export function isAnswered(fate: RowFate, body: unknown): boolean {
  return (fate === 'plain' || fate === 'refused' || fate === 'truncated') && !('message' in parseChatRequest(body))
}

interface RowIdentity {
  readonly batchId: string
  readonly customId: string
}

function lineId({ batchId, customId }: RowIdentity): string {
  return hexOf(`${batchId}\n${customId}`, 24)
}

/** The end of a row that was not executed. */
export function skippedRow(row: RowIdentity, why: NotExecuted): RowEnd {
  const error =
    why === 'expired'
      ? { code: 'batch_expired', message: 'This request could not be executed before the completion window expired.' }
      : { code: 'batch_cancelled', message: 'This request was not executed because the batch was cancelled.' }
  return { line: { id: `batch_req_${lineId(row)}`, custom_id: row.customId, response: null, error }, outcome: why, inputTokens: 0, outputTokens: 0 }
}

function errorRow(row: RowIdentity, status: number, error: ErrorObject): RowEnd {
  const id = lineId(row)
  const response = { status_code: status, request_id: `req_${id}`, body: { error } }
  return { line: { id: `batch_req_${id}`, custom_id: row.customId, response, error: null }, outcome: 'failed', inputTokens: 0, outputTokens: 0 }
}

interface Message {
  readonly content: string | null
  readonly refusal: string | null
  readonly outputTokens: number
  readonly finishReason: 'stop' | 'length'
}

function messageOf(fate: RowFate, answer: ReturnType<typeof answerChatRequest>): Message {
  if (fate === 'refused') return { content: null, refusal: REFUSAL, outputTokens: countTokens(REFUSAL), finishReason: 'stop' }
  if (fate !== 'truncated') return { ...answer, refusal: null }
  const outputTokens = Math.ceil(answer.outputTokens / 2)
  return { content: truncateToTokens(answer.content, outputTokens), refusal: null, outputTokens, finishReason: 'length' }
}

function answeredRow(row: RowIdentity, fate: RowFate, request: ChatRequest, body: unknown, createdAt: number): RowEnd {
  const answer = answerChatRequest(request, body)
  const { content, refusal, outputTokens, finishReason } = messageOf(fate, answer)
  const id = lineId(row)
  const completion: ChatCompletion = {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: createdAt,
    model: request.model,
    choices: [{ index: 0, message: { role: 'assistant', content, refusal }, logprobs: null, finish_reason: finishReason }],
    usage: {
      prompt_tokens: answer.inputTokens,
      completion_tokens: outputTokens,
      total_tokens: answer.inputTokens + outputTokens,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
    },
  }
  const response = { status_code: 200, request_id: `req_${id}`, body: completion }
  return {
    line: { id: `batch_req_${id}`, custom_id: row.customId, response, error: null },
    outcome: 'succeeded',
    inputTokens: answer.inputTokens,
    outputTokens,
  }
}

/** Executes a row whose fate is not `expired`. `createdAt` is in seconds since 1970. */
export function executeRow(row: RowIdentity, fate: RowFate, body: unknown, createdAt: number): RowEnd {
  const request = parseChatRequest(body)
  if ('message' in request) {
    return errorRow(row, 400, { message: request.message, type: 'invalid_request_error', param: request.param, code: null })
  }
  switch (fate) {
    case 'serverError':
      return errorRow(row, 500, { message: 'The server had an error while processing your request.', type: 'server_error', param: null, code: 'server_error' })
    case 'invalidRequest':
      return errorRow(row, 400, { message: 'The simulator was told to refuse this.', type: 'invalid_request_error', param: 'messages', code: 'invalid_value' })
    case 'expired':
      throw new Error(`row ${row.customId} is not to be executed`)
    case 'plain':
    case 'refused':
    case 'truncated':
      return answeredRow(row, fate, request, body, createdAt)
  }
}
