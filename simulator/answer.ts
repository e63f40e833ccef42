import { hexOf } from './seeded-random.ts'

/** What the simulated model makes of one request. */
export interface SimulatedAnswer {
  readonly content: string
  readonly inputTokens: number
  readonly outputTokens: number
  /** `length` only when the request's token limit cut the answer. */
  readonly finishReason: 'stop' | 'length'
}

/** Why a request of a row cannot be answered. */
export interface InvalidRequest {
  readonly message: string
  readonly param: string | null
}

/** A chat completion request, as far as the simulated model reads it. */
export interface ChatRequest {
  readonly model: string
  readonly messages: readonly { readonly role: string; readonly text: string }[]
  readonly maxTokens: number | null
}

const HEAD_CHARACTERS = 32
const TAIL_CHARACTERS = 48
/** Of a longer message, only so much of its beginning and of its end is looked at. */
const END_LENGTH = 2000

/** Tokens of a text: a quarter of its UTF-8 bytes, rounded up. */
export function countTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4)
}

function textOf(content: unknown): string | null {
  if (typeof content === 'string') return content
  if (content === null || content === undefined) return ''
  if (!Array.isArray(content)) return null
  const texts = content.map((part: unknown) => {
    const text = typeof part === 'object' && part !== null && 'text' in part ? part.text : ''
    return typeof text === 'string' ? text : ''
  })
  return texts.join(' ')
}

function tokenLimit(body: object): number | null | InvalidRequest {
  // `max_tokens` is the older name of the same limit.
  for (const [name, value] of Object.entries(body)) {
    if ((name !== 'max_completion_tokens' && name !== 'max_tokens') || value === null) continue
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
    return { message: `Invalid '${name}': expected an integer of at least 1.`, param: name }
  }
  return null
}

/** Reads a request body as far as the simulated model needs it. */
export function parseChatRequest(body: unknown): ChatRequest | InvalidRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { message: 'The request body must be a JSON object.', param: null }
  const model = 'model' in body ? body.model : undefined
  if (typeof model !== 'string' || model === '') return { message: 'you must provide a model parameter', param: 'model' }
  const messages = 'messages' in body ? body.messages : undefined
  if (!Array.isArray(messages) || messages.length === 0) return { message: "Missing required parameter: 'messages'.", param: 'messages' }
  const read: { role: string; text: string }[] = []
  for (const [index, message] of messages.entries()) {
    const each: unknown = message
    const role = typeof each === 'object' && each !== null && 'role' in each ? each.role : undefined
    const text = typeof each === 'object' && each !== null && 'content' in each ? textOf(each.content) : null
    if (typeof role !== 'string') return { message: `Missing required parameter: 'messages[${index}].role'.`, param: `messages[${index}].role` }
    if (text === null) return { message: `Invalid type for 'messages[${index}].content'.`, param: `messages[${index}].content` }
    read.push({ role, text })
  }
  const maxTokens = tokenLimit(body)
  if (typeof maxTokens === 'object' && maxTokens !== null) return maxTokens
  return { model, messages: read, maxTokens }
}

/** The message on one line; of a long one its first and last words. */
function excerpt(text: string): string {
  const ends = text.length <= 2 * END_LENGTH ? text : `${text.slice(0, END_LENGTH)} ${text.slice(-END_LENGTH)}`
  const characters = Array.from(ends.replace(/\s+/g, ' ').trim().toWellFormed())
  if (characters.length <= HEAD_CHARACTERS + TAIL_CHARACTERS) return characters.join('')
  const head = characters.slice(0, HEAD_CHARACTERS).join('').replace(/ [^ ]*$/, '')
  const tail = characters.slice(-TAIL_CHARACTERS).join('').replace(/^[^ ]* /, '')
  return `${head} … ${tail}`
}

/** The longest beginning of the text that has at most `tokens` tokens, cut between characters. */
export function truncateToTokens(text: string, tokens: number): string {
  const bytes = Buffer.from(text)
  let end = Math.min(bytes.length, tokens * 4)
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}

/** The answer to a request that was read, with the body that it was read from. */
export function answerChatRequest(request: ChatRequest, body: unknown): SimulatedAnswer {
  const last = request.messages.findLast((message) => message.role === 'user') ?? request.messages.at(-1)
  const whole = `Simulated answer to "${excerpt(last?.text ?? '')}" [#${hexOf(JSON.stringify(body), 8)}]`
  const inputTokens = request.messages.reduce((sum, message) => sum + countTokens(message.text), 0)
  const outputTokens = countTokens(whole)
  if (request.maxTokens === null || outputTokens <= request.maxTokens) return { content: whole, inputTokens, outputTokens, finishReason: 'stop' }
  return { content: truncateToTokens(whole, request.maxTokens), inputTokens, outputTokens: request.maxTokens, finishReason: 'length' }
}

/**
 * The simulated model: a pure function of the parsed request body, so that a test can compute what each row must be
 * answered. The answer quotes the beginning and the end of the last user message and ends in a digest of the whole body.
 * Throws an Error for a body that is no chat completion request.
 */
export function answerTo(body: unknown): SimulatedAnswer {
  const request = parseChatRequest(body)
  if ('message' in request) throw new Error(request.message)
  return answerChatRequest(request, body)
}
