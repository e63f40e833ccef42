import { describe, expect, it } from 'vitest'
import { parseResultLine } from './openai-result.ts'

const answer = (choice: object, more: object = {}): object => ({
  id: 'batch_req_1', custom_id: 'c-1-1', error: null,
  response: { status_code: 200, request_id: 'r', body: { object: 'chat.completion', choices: [{ index: 0, ...choice }], usage: { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 }, ...more } },
})
const refused = (status: number, error: object): object => ({ id: 'batch_req_1', custom_id: 'c-1-1', error: null, response: { status_code: status, request_id: 'r', body: { error } } })
const never = (code: string): object => ({ id: 'batch_req_1', custom_id: 'c-1-1', response: null, error: { code, message: 'This request could not be executed.' } })

const read = (line: object): ReturnType<typeof parseResultLine> => parseResultLine(JSON.stringify(line))

describe('a result line', () => {
  it('of an answer gives its text and the tokens that were counted', () => {
    const line = answer({ finish_reason: 'stop', message: { role: 'assistant', content: 'Schön "quoted"\n', refusal: null } })
    expect(read(line)).toEqual({ customId: 'c-1-1', failure: null, text: 'Schön "quoted"\n', promptTokens: 12, completionTokens: 7 })
  })

  it.each([
    ['an empty answer', answer({ finish_reason: 'stop', message: { content: '', refusal: null } }), null, ''],
    ['an answer with an empty refusal', answer({ finish_reason: 'stop', message: { content: 'yes', refusal: '' } }), null, 'yes'],
    ['an answer without finish_reason', answer({ message: { content: 'x' } }), null, 'x'],
    ['a refusal', answer({ finish_reason: 'stop', message: { content: null, refusal: 'I cannot.' } }), 'Refused', 'I cannot.'],
    ['the content filter', answer({ finish_reason: 'content_filter', message: { content: 'half' } }), 'Refused', expect.stringContaining('filter')],
    ['the token limit', answer({ finish_reason: 'length', message: { content: 'half' } }), 'Truncated', expect.stringContaining('limit')],
    ['an answer without content', answer({ finish_reason: 'stop', message: { content: null } }), 'ServerError', expect.stringContaining('content')],
    ['no choice', answer({}, { choices: [] }), 'ServerError', expect.stringContaining('choices')],
    ['a bad request', refused(400, { message: 'Invalid value', type: 'invalid_request_error', code: 'invalid_value' }), 'InvalidRequest', 'Invalid value'],
    ['too long a context', refused(400, { message: 'maximum context length', code: 'context_length_exceeded' }), 'ContextLength', 'maximum context length'],
    ['a policy violation', refused(400, { message: 'violates', code: 'content_policy_violation' }), 'Refused', 'violates'],
    ['too large a request', refused(413, { message: 'too large' }), 'RecordTooLarge', 'too large'],
    ['a rate limit', refused(429, { message: 'slow', code: 'rate_limit_exceeded' }), 'RateLimited', 'slow'],
    ['an error of the server', refused(500, { message: 'oops' }), 'ServerError', 'oops'],
    ['an error without words', refused(503, { code: null }), 'ServerError', 'status 503'],
    ['a row that expired', never('batch_expired'), 'Expired', 'This request could not be executed.'],
    ['a row of a cancelled batch', never('batch_cancelled'), 'Cancelled', 'This request could not be executed.'],
    ['a row that failed for another reason', never('something_new'), 'ServerError', 'This request could not be executed.'],
    ['neither response nor error', { custom_id: 'c-1-1' }, 'ServerError', 'status unknown'],
  ])('of %s is classed', (_, line, failure, text) => {
    expect(read(line)).toMatchObject({ customId: 'c-1-1', failure, text })
  })

  it('without counts has no tokens, rather than none used', () => {
    expect(read(answer({ message: { content: 'x' } }, { usage: null }))).toMatchObject({ promptTokens: null, completionTokens: null })
  })

  it('keeps the tokens of a failed row, which is billed all the same', () => {
    expect(read(answer({ finish_reason: 'length', message: { content: 'half' } }))).toMatchObject({ failure: 'Truncated', promptTokens: 12, completionTokens: 7 })
  })

  it('cuts long words', () => {
    expect(read(refused(400, { message: 'x'.repeat(5_000) }))?.text.length).toBe(1_000)
  })

  it.each(['', '{', 'null', '[]', '{}', '{"custom_id":7}', '<html>'])('that is %j is none', (line) => {
    expect(parseResultLine(line)).toBeNull()
  })
})
