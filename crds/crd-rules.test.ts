import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Environment } from '@marcbachmann/cel-js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Crd, SchemaNode } from './crd-lint.ts'

const crd = parse(readFileSync(join(import.meta.dirname, 'llmbatchjob.yaml'), 'utf8')) as Crd
const schema = crd.spec.versions[0]?.schema.openAPIV3Schema ?? {}
const cel = new Environment({ unlistedVariablesAreDyn: true })

type Fields = Record<string, unknown>

const names = { response: 'llm_response', status: 'llm_status', error: 'llm_error', promptTokens: 'llm_prompt_tokens', completionTokens: 'llm_completion_tokens' }
const spec = {
  input: { uri: 's3://catalog/*.parquet' },
  output: { uri: 's3://catalog/out/', ifExists: 'Fail', columns: { names } },
  request: { model: 'gpt-5-mini', prompt: 'Title: {{title}}', parameters: { max_completion_tokens: 200, nested: { deep: [1] } } },
  provider: { type: 'OpenAI', credentialsSecretRef: { name: 'openai' } },
  runner: { memory: '256Mi', parallelism: 10, shardRows: 50_000 },
}
const job = (change: Fields = {}, name = 'sort-products'): Fields => ({ metadata: { name }, spec: { ...spec, ...change } })
const planned = (change: Fields = {}): Fields => ({ ...job(change), status: { plan: { digest: 'd' } } })

describe('the CRD\'s rules', () => {
  it('accept a good job, and its update before and after it is planned', () => {
    expect(broken(job())).toEqual([])
    expect(broken(job(), job({ request: { model: 'other', prompt: 'x' } }))).toEqual([])
    expect(broken(planned(), planned())).toEqual([])
    expect(broken(job({ provider: { type: 'Simulated' } }))).toEqual([])
  })

  it('bound the name of a job', () => {
    expect(broken(job({}, 'x'.repeat(52)))).toEqual([])
    expect(broken(job({}, 'x'.repeat(53)))).toEqual([expect.stringMatching(/^metadata\.name must be no more than 52/)])
  })

  it('ask for credentials of OpenAI', () => {
    expect(broken(job({ provider: { type: 'OpenAI' } }))).toEqual([expect.stringMatching(/^spec\.provider\.credentialsSecretRef is required/)])
  })

  it('ask for different column names, upper and lower case taken as the same', () => {
    const named = (change: Fields) => job({ output: { ...spec.output, columns: { names: { ...names, ...change } } } })
    expect(broken(named({ error: 'other' }))).toEqual([])
    expect(broken(named({ error: 'LLM_Response' }))).toEqual([expect.stringMatching(/^spec\.output\.columns\.names must all differ/)])
  })

  const frozen: [what: string, change: Fields, message: RegExp][] = [
    ['the input', { input: { uri: 's3://other/*.parquet' } }, /^spec\.input cannot change/],
    ['the output', { output: { ...spec.output, ifExists: 'Overwrite' } }, /^spec\.output cannot change/],
    ['a work folder that is added', { work: { uri: 's3://catalog/work/' } }, /^spec\.work cannot change/],
    ['the prompt', { request: { ...spec.request, prompt: 'other' } }, /^spec\.request cannot change/],
    ['a parameter deep inside', { request: { ...spec.request, parameters: { max_completion_tokens: 200, nested: { deep: [2] } } } }, /^spec\.request cannot change/],
    ['a parameter that is added', { request: { ...spec.request, parameters: { ...spec.request.parameters, top_p: 1 } } }, /^spec\.request cannot change/],
    ['parameters that are removed', { request: { model: 'gpt-5-mini', prompt: 'Title: {{title}}' } }, /^spec\.request cannot change/],
    ['the provider', { provider: { type: 'Simulated', credentialsSecretRef: { name: 'openai' } } }, /^spec\.provider cannot change/],
    ['an address that is added', { provider: { ...spec.provider, baseURL: 'https://proxy/v1' } }, /^spec\.provider cannot change/],
    ['prices that are added', { provider: { ...spec.provider, prices: { m: { input: '1', output: '1', batchDiscount: '0.5' } } } }, /^spec\.provider cannot change/],
    ['a storage endpoint that is added', { storage: { endpoint: 'https://minio' } }, /^spec\.storage\.endpoint and \.region cannot change/],
    ['the shard size', { runner: { ...spec.runner, shardRows: 1_000 } }, /^spec\.runner\.shardRows cannot change/],
  ]

  it.each(frozen)('freeze %s once the job is planned, and not before', (_, change, message) => {
    expect(broken(planned(change), planned())).toEqual([expect.stringMatching(message)])
    expect(broken(planned(), planned(change))).toEqual([expect.stringMatching(message)])
    expect(broken(job(change), job())).toEqual([])
  })

  it('leave credentials, parallelism and memory free', () => {
    expect(broken(planned({ provider: { ...spec.provider, credentialsSecretRef: { name: 'rotated' } }, runner: { ...spec.runner, parallelism: 1, memory: 1 } }), planned())).toEqual([])
  })
})

describe('the CRD\'s schema', () => {
  it('reserves the parameters that come from elsewhere', () => {
    const parameters = schema.properties?.['spec']?.properties?.['request']?.properties?.['parameters']
    expect(parameters?.['not']).toEqual({ anyOf: [{ required: ['model'] }, { required: ['messages'] }, { required: ['stream'] }, { required: ['n'] }] })
  })
})

/** Messages of the rules that a job breaks. As in an API server, rules over oldSelf hold on update only, where both versions have the field. */
function broken(self: unknown, oldSelf?: unknown, node: SchemaNode = schema): string[] {
  const rules = (node['x-kubernetes-validations'] ?? []) as { rule: string; message: string }[]
  const messages = rules
    .filter(({ rule }) => oldSelf !== undefined || !/\boldSelf\b/.test(rule))
    .filter(({ rule }) => cel.evaluate(rule, { self: toCel(self), oldSelf: toCel(oldSelf) }) !== true)
    .map(({ message }) => message)
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const value = fieldOf(self, name)
    if (value !== undefined) messages.push(...broken(value, fieldOf(oldSelf, name), child))
  }
  return messages
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Fields)[name] : undefined
}

/** JSON as CEL sees it: a whole number is an int. */
function toCel(value: unknown): unknown {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  if (Array.isArray(value)) return value.map(toCel)
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, toCel(field)]))
  return value
}
