import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import { chunkDigestOf, chunkKey, customIdOf, fileIdOf, ledgerIdOf, parseCustomId, requestDigest } from './identities.ts'

type Asked = Pick<LlmBatchJobSpec, 'request' | 'provider'>

const REQUEST: LlmBatchJobSpec['request'] = {
  model: 'gpt-5-mini',
  system: 'Sort the product.',
  prompt: 'Title: {{title}}\nDescription: {{description}}',
  parameters: { max_completion_tokens: 200, reasoning_effort: 'low' },
  edition: 'first',
}
const ASKED: Asked = { request: REQUEST, provider: { type: 'OpenAI' } }
const DIGEST = requestDigest(ASKED)

const withRequest = (change: Partial<LlmBatchJobSpec['request']>): string => requestDigest({ ...ASKED, request: { ...REQUEST, ...change } })
const without = (field: 'system' | 'parameters' | 'edition'): string => {
  const { [field]: _, ...request } = REQUEST
  return requestDigest({ ...ASKED, request })
}
const withProvider = (provider: LlmBatchJobSpec['provider']): string => requestDigest({ ...ASKED, provider })

// These are kept for good: answers are found again by them. A change of any would buy every answer of every job again.
describe('identities of finished work', () => {
  it('are what they were in every release', () => {
    expect(DIGEST).toBe('99056930d88b40e2f62e7e1cad02ee0c4b30650326a3eb2ea5153334fb0f2336')
    expect(requestDigest({ request: { model: 'simulated-1', prompt: '{{a}}' }, provider: { type: 'Simulated', baseURL: 'http://127.0.0.1:4011/v1' } })).toBe('2d9666f1abe6986e18c6da58d0eecb7cb0ee8cf74291431ad09931131cd914c8')
    const fileId = fileIdOf('"abc-1"', 1234, 'f'.repeat(64))
    expect(fileId).toBe('2171e92bbbb149b4747b006ada46dd6c')
    const key = chunkKey(DIGEST, fileId, 10_000, 20_000)
    expect(key).toBe(`${DIGEST}/${fileId}/10000-20000`)
    expect(chunkDigestOf(key)).toBe('kwlvn2i2zhyj5tqp')
    expect(ledgerIdOf([key, chunkKey(DIGEST, fileId, 20_000, 30_000)])).toBe('803fc847cff3389ab101b53c')
    expect(customIdOf(chunkDigestOf(key), 10_007, 2)).toBe('kwlvn2i2zhyj5tqp-10007-2')
  })
})

describe('the request digest', () => {
  it('is another when any field of the request is', () => {
    const others = [
      withRequest({ model: 'gpt-5' }),
      withRequest({ system: 'Sort the product!' }),
      withRequest({ system: '' }),
      without('system'),
      withRequest({ prompt: `${REQUEST.prompt} ` }),
      withRequest({ parameters: { max_completion_tokens: 201, reasoning_effort: 'low' } }),
      withRequest({ parameters: {} }),
      without('parameters'),
      withRequest({ edition: 'second' }),
      without('edition'),
      withProvider({ type: 'OpenAI', baseURL: 'https://eu.api.openai.com/v1' }),
      withProvider({ type: 'Simulated', baseURL: 'http://127.0.0.1:1/v1' }),
    ]
    expect(new Set([DIGEST, ...others]).size).toBe(others.length + 1)
  })

  it('knows every field of a request: a new one has to be decided on here', () => {
    const fields: Record<keyof Required<LlmBatchJobSpec['request']>, string> = { model: '', system: '', prompt: '', parameters: '', edition: '' }
    expect(Object.keys(REQUEST).sort()).toEqual(Object.keys(fields).sort())
  })

  it('is the same for what changes no answer', () => {
    const job: Asked & Pick<LlmBatchJobSpec, 'runner' | 'output'> = {
      ...ASKED,
      runner: { memory: '1Gi', parallelism: 99, shardRows: 7 },
      output: { uri: 'file:///elsewhere/', ifExists: 'Overwrite', columns: { names: { response: 'a', status: 'b', error: 'c', promptTokens: 'd', completionTokens: 'e' } } },
    }
    expect(requestDigest(job)).toBe(DIGEST)
    expect(withRequest({ parameters: { reasoning_effort: 'low', max_completion_tokens: 200 } }), 'the order of fields').toBe(DIGEST)
    const prices = { 'gpt-5-mini': { input: '1', output: '2', batchDiscount: '0.5' } }
    expect(withProvider({ type: 'OpenAI', credentialsSecretRef: { name: 'other' }, prices })).toBe(DIGEST)
  })

  it('is the same for the same address, however it is written', () => {
    for (const baseURL of ['https://api.openai.com/v1', 'https://API.openai.com:443/v1/', 'https://api.openai.com/v1//']) expect(withProvider({ type: 'OpenAI', baseURL })).toBe(DIGEST)
  })

  it('does not depend on where the simulator runs this time', () => {
    expect(withProvider({ type: 'Simulated', baseURL: 'http://127.0.0.1:4011/v1' })).toBe(withProvider({ type: 'Simulated', baseURL: 'http://localhost:1/v1' }))
    expect(withProvider({ type: 'Simulated' })).toBe(withProvider({ type: 'Simulated', baseURL: 'http://localhost:1/v1' }))
  })
})

describe('file ids', () => {
  it('differ when ETag, size or footer do', () => {
    const ids = [fileIdOf('a', 1, 'x'), fileIdOf('b', 1, 'x'), fileIdOf('a', 2, 'x'), fileIdOf('a', 1, 'y')]
    expect(new Set(ids).size).toBe(4)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/)
  })
})

describe('custom_ids', () => {
  it('fit every provider, are unique and can be read back', () => {
    const place = fc.record({ key: fc.string(), row: fc.nat(2 ** 40), attempt: fc.integer({ min: 1, max: 999_999_999 }) })
    fc.assert(
      fc.property(place, ({ key, row, attempt }) => {
        const chunkDigest = chunkDigestOf(key)
        const id = customIdOf(chunkDigest, row, attempt)
        expect(id).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
        expect(parseCustomId(id)).toEqual({ chunkDigest, row, attempt })
      }),
    )
  })

  it.each(['', 'request-1', 'abcdefghijklmnop-1', 'abcdefghijklmnop-1-1-1', 'abcdefghijklmno1-1-1', 'ABCDEFGHIJKLMNOP-1-1', 'abcdefghijklmnop--1-1', 'abcdefghijklmnop-1-1\n'])('do not include %j', (text) => {
    expect(parseCustomId(text)).toBeNull()
  })
})
