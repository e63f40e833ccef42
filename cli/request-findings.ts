import { LlmbatchError } from '../crds/errors.ts'
import { compileTemplate } from '../runner/plan/prompt-template.ts'
import { show, type Finding } from './findings.ts'
import { fieldsAt, isFields, textAt, type PartialSpec } from './partial-spec.ts'

type Kind = 'integer' | 'number' | 'boolean' | 'string' | 'object' | 'array'

/** What the API takes for a parameter: kinds, and bounds of a number. */
interface Rule {
  readonly kinds: readonly Kind[]
  readonly least?: number
  readonly most?: number
}

/** Parameters of chat completions whose type is settled. Source: https://platform.openai.com/docs/api-reference/chat/create */
const RULES: Readonly<Record<string, Rule>> = {
  max_completion_tokens: { kinds: ['integer'], least: 1 },
  max_tokens: { kinds: ['integer'], least: 1 },
  temperature: { kinds: ['number'], least: 0, most: 2 },
  top_p: { kinds: ['number'], least: 0, most: 1 },
  frequency_penalty: { kinds: ['number'], least: -2, most: 2 },
  presence_penalty: { kinds: ['number'], least: -2, most: 2 },
  seed: { kinds: ['integer'] },
  logprobs: { kinds: ['boolean'] },
  top_logprobs: { kinds: ['integer'], least: 0, most: 20 },
  store: { kinds: ['boolean'] },
  parallel_tool_calls: { kinds: ['boolean'] },
  reasoning_effort: { kinds: ['string'] },
  verbosity: { kinds: ['string'] },
  service_tier: { kinds: ['string'] },
  user: { kinds: ['string'] },
  stop: { kinds: ['string', 'array'] },
  response_format: { kinds: ['object'] },
  logit_bias: { kinds: ['object'] },
  tools: { kinds: ['array'] },
}

/** Fields of a batch and of its lines, which are not of a request's body. Source: https://platform.openai.com/docs/api-reference/batch */
const BATCH_FIELDS = ['custom_id', 'method', 'url', 'body', 'input_file_id', 'completion_window', 'endpoint']

/** What is wrong with the prompt template and the parameters, beyond their schema. */
export function requestFindings(spec: PartialSpec): Finding[] {
  return [...templateFindings(spec), ...parameterFindings(spec)]
}

function templateFindings(spec: PartialSpec): Finding[] {
  const prompt = textAt(spec, 'request', 'prompt')
  if (prompt === undefined || prompt === '') return []
  try {
    compileTemplate(prompt)
    return []
  } catch (error) {
    if (!(error instanceof LlmbatchError)) throw error
    return [{ code: error.code, path: ['spec', 'request', 'prompt'], problem: error.message.replace(/^spec\.request\.prompt:? /, ''), instead: error.remedy }]
  }
}

function parameterFindings(spec: PartialSpec): Finding[] {
  // A server of another make may take more than OpenAI does, or call it otherwise.
  const isOpenAI = textAt(spec, 'provider', 'baseURL') === undefined
  return Object.entries(fieldsAt(spec, 'request', 'parameters')).flatMap(([name, value]): Finding[] => {
    const path = ['spec', 'request', 'parameters', name]
    if (BATCH_FIELDS.includes(name)) return [{ path, problem: 'is a field of the batch, not of the request', instead: 'remove it: llmbatch makes the batches' }]
    const rule = RULES[name]
    if (rule === undefined) {
      const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('-', '_')
      return isOpenAI && snake !== name && RULES[snake] !== undefined ? [{ path, problem: 'is no parameter of the API', instead: `write ${snake}` }] : []
    }
    if (value === null) return []
    const kind = kindOf(value)
    if (!rule.kinds.some((wanted) => wanted === kind || (wanted === 'number' && kind === 'integer'))) {
      return [{ path, problem: `is ${show(value)}, and must be ${rule.kinds.map(withArticle).join(' or ')}`, ...wayOut(value, rule.kinds) }]
    }
    if (!isOpenAI || typeof value !== 'number') return []
    if (rule.least !== undefined && value < rule.least) return [{ path, problem: `is ${value}`, instead: `write ${rule.least} or more` }]
    if (rule.most !== undefined && value > rule.most) return [{ path, problem: `is ${value}`, instead: `write ${rule.most} or less` }]
    return []
  })
}

function kindOf(value: unknown): Kind | 'other' {
  if (Array.isArray(value)) return 'array'
  if (isFields(value)) return 'object'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value === 'string' || typeof value === 'boolean' ? (typeof value as 'string' | 'boolean') : 'other'
}

function wayOut(value: unknown, kinds: readonly Kind[]): { readonly instead?: string } {
  if (typeof value === 'string' && kinds.some((kind) => kind === 'integer' || kind === 'number' || kind === 'boolean') && /^(-?\d+(\.\d+)?|true|false)$/.test(value)) return { instead: `write it without quotes: ${value}` }
  if (kinds[0] === 'string') return { instead: `put it in quotes: "${String(value)}"` }
  if (kinds[0] === 'object' && typeof value === 'string') return { instead: 'write fields under it, e.g. {type: json_object}' }
  return {}
}

function withArticle(kind: Kind): string {
  return kind === 'array' ? 'a list' : kind === 'integer' ? 'a whole number' : `${kind === 'object' ? 'an' : 'a'} ${kind}`
}
