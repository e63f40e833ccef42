import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LlmBatchJobSpec } from './generated/llmbatchjob.ts'
import { IntervalSet } from './interval-set.ts'
import { decodeRunnerEnvironment, encodeRunnerEnvironment, shardOf, SPEC_LIMIT } from './runner-environment.ts'

const spec: LlmBatchJobSpec = {
  input: { uri: 'file:///data/*.parquet' },
  output: {
    uri: 'file:///data/out/',
    ifExists: 'Fail',
    columns: { names: { response: 'llm_response', status: 'llm_status', error: 'llm_error', promptTokens: 'llm_prompt_tokens', completionTokens: 'llm_completion_tokens' } },
  },
  request: { model: 'gpt-5-mini', prompt: 'Größe: {{größe}} 🙂' },
  provider: { type: 'Simulated' },
  runner: { memory: '256Mi', parallelism: 10, shardRows: 50_000 },
}
const job = { namespace: 'default', name: 'demo', uid: '0d6f' }

describe('the runner environment', () => {
  it('carries mode, job, spec, plan and set to the runner', () => {
    const input = { mode: 'advance' as const, job, spec, plan: { uri: 'file:///a#b/plan', digest: 'ff' }, set: IntervalSet.of([1, 2, 3, 9]) }
    const decoded = decodeRunnerEnvironment({ ...encodeRunnerEnvironment(input), JOB_COMPLETION_INDEX: '3' })
    expect({ ...decoded, set: decoded.set.toString() }).toEqual({ ...input, set: '1-3,9', index: 3 })
  })

  it('leaves the plan out of the plan mode; the index is 0 unless given', () => {
    const env = encodeRunnerEnvironment({ mode: 'plan', job, spec, set: IntervalSet.EMPTY })
    expect(Object.keys(env)).toEqual(['LLMBATCH_MODE', 'LLMBATCH_JOB', 'LLMBATCH_SPEC', 'LLMBATCH_SET'])
    expect(decodeRunnerEnvironment(env)).toMatchObject({ mode: 'plan', index: 0 })
    expect(decodeRunnerEnvironment(env)).not.toHaveProperty('plan')
  })

  it('refuses a spec that is too large', () => {
    const prompt = randomBytes(SPEC_LIMIT).toString('base64')
    const encode = () => encodeRunnerEnvironment({ mode: 'plan', job, spec: { ...spec, request: { model: 'm', prompt } }, set: IntervalSet.EMPTY })
    expect(encode).toThrow(expect.objectContaining({ code: 'SpecTooLarge' }))
  })

  it.each([
    ['LLMBATCH_MODE', undefined],
    ['LLMBATCH_MODE', 'dance'],
    ['LLMBATCH_JOB', 'default/demo'],
    ['LLMBATCH_JOB', 'a/b/c/d'],
    ['LLMBATCH_SPEC', undefined],
    ['LLMBATCH_SPEC', 'not gzip'],
    ['LLMBATCH_SET', undefined],
    ['LLMBATCH_SET', '3-1'],
    ['LLMBATCH_PLAN', 'no-digest'],
    ['JOB_COMPLETION_INDEX', 'x'],
  ])('names the variable %s when it is %j', (name, value) => {
    const env = { ...encodeRunnerEnvironment({ mode: 'scout', job, spec, plan: { uri: 'u', digest: 'd' }, set: IntervalSet.EMPTY }), [name]: value }
    expect(() => decodeRunnerEnvironment(env)).toThrow(expect.objectContaining({ code: 'InternalError', message: expect.stringContaining(name) }))
  })

  it('gives completion index k the k-th member of the set', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1 }), (values) => {
        const set = IntervalSet.of(values)
        expect(Array.from({ length: set.size }, (_, index) => shardOf({ set, index }))).toEqual([...set])
        expect(() => shardOf({ set, index: set.size })).toThrow('outside the wave')
      }),
    )
  })
})
