import { describe, expect, it } from 'vitest'
import type { BatchProvider } from './batch-provider.ts'
import { limitsOf } from './limits.ts'
import { makeOpenAIBatchProvider } from './openai-batch-provider.ts'
import { collectItems } from '../storage/collect.ts'
import { ScriptedProvider, type ScriptedAnswer } from './testdata/simulated-wire.ts'

const SPEC = { provider: { type: 'OpenAI' as const }, request: { model: 'm', prompt: '{{a}}' } }

function connect(...answers: ScriptedAnswer[]): { readonly script: ScriptedProvider; readonly provider: BatchProvider } {
  const script = new ScriptedProvider(answers)
  return { script, provider: makeOpenAIBatchProvider(SPEC, script, 'key', limitsOf(SPEC.provider)) }
}

const batch = (createdAt: number, more: object = {}): object => ({ id: `b${createdAt}`, created_at: createdAt, status: 'in_progress', input_file_id: `f${createdAt}`, ...more })
const page = (times: readonly number[], more: boolean): ScriptedAnswer => ({ status: 200, json: { object: 'list', data: times.map((time) => batch(time)), has_more: more, last_id: `b${times.at(-1)}` } })
const ids = async (provider: BatchProvider, since: number): Promise<string[]> => (await provider.list(since)).map(({ id }) => id)

describe('listing batches', () => {
  it('ends at the first page that is older, if the list goes from new to old', async () => {
    const { script, provider } = connect(page([900, 800], true), page([700, 600], true))
    expect(await ids(provider, 650)).toEqual(['b900', 'b800', 'b700'])
    expect(script.calls).toEqual(['GET /v1/batches?limit=100', 'GET /v1/batches?limit=100&after=b800'])
  })

  it.each([
    ['from old to new', [[100, 200], [300, 900]], ['b900']],
    ['in no order', [[100, 300, 200], [900, 50]], ['b900']],
    ['in no order after a first page in order', [[900, 100, 800], [700, 50]], ['b900', 'b800', 'b700']],
    ['one to a page from old to new', [[100], [900]], ['b900']],
    ['all of one second', [[100, 100], [900]], ['b900']],
  ] as const)('goes on to the end of a list that is %s', async (_, pages, expected) => {
    const { provider } = connect(...pages.map((times, i) => page(times, i < pages.length - 1)))
    expect(await ids(provider, 650)).toEqual(expected)
  })

  it.each([
    ['no list', { object: 'list' }],
    ['a list of something else', { data: [null], has_more: false }],
    ['a batch without id', { data: [{ created_at: 1 }], has_more: false }],
    ['an error with status 200', { error: { message: 'try later' } }],
    ['more, but no cursor', { data: [], has_more: true }],
  ])('refuses an answer that is %s, rather than take it for an empty list', async (_, json) => {
    await expect(connect({ status: 200, json }).provider.list(0)).rejects.toMatchObject({ code: 'ProviderUnavailable' })
  })

  it('refuses a cursor that does not move', async () => {
    await expect(connect(page([9], true), page([9], true)).provider.list(0)).rejects.toMatchObject({ code: 'ProviderUnavailable' })
  })

  it('pages by the last item when the server names no last_id', async () => {
    const { script, provider } = connect({ status: 200, json: { data: [batch(9)], has_more: true } }, page([8], false))
    expect(await ids(provider, 0)).toEqual(['b9', 'b8'])
    expect(script.calls[1]).toBe('GET /v1/batches?limit=100&after=b9')
  })
})

describe('a batch as servers show it', () => {
  const stateOf = async (fields: object): Promise<unknown> => (await connect({ status: 200, json: batch(1, fields) }).provider.get('b1')).state
  const ENDED = { kind: 'Ended', files: ['out'], unanswered: 'Missing' }

  it.each([
    ['a status of its own', { status: 'scheduling' }, { kind: 'Open' }],
    ['finalizing', { status: 'finalizing', output_file_id: 'out' }, { kind: 'Open' }],
    ['completed with its file', { status: 'completed', output_file_id: 'out', error_file_id: null, request_counts: { total: 2, completed: 2, failed: 0 } }, ENDED],
    ['completed with both files', { status: 'completed', output_file_id: 'out', error_file_id: 'err', request_counts: { total: 2, completed: 1, failed: 1 } }, { ...ENDED, files: ['out', 'err'] }],
    ['completed, its output not visible', { status: 'completed', error_file_id: 'err', request_counts: { total: 2, completed: 1, failed: 1 } }, { kind: 'Open' }],
    ['completed, its errors not visible', { status: 'completed', request_counts: { total: 2, completed: 0, failed: 2 } }, { kind: 'Open' }],
    ['completed, neither files nor counts visible', { status: 'completed' }, { kind: 'Open' }],
    ['completed, counts lagging behind and no file visible', { status: 'completed', request_counts: { total: 2, completed: 0, failed: 0 } }, { kind: 'Open' }],
    ['completed with failed rows in the output file', { status: 'completed', output_file_id: 'out', request_counts: { total: 2, completed: 1, failed: 1 } }, ENDED],
    ['completed without counts', { status: 'completed', output_file_id: 'out' }, ENDED],
    ['expired before any row ran', { status: 'expired', request_counts: { total: 2, completed: 0, failed: 0 } }, { kind: 'Ended', files: [], unanswered: 'Expired' }],
    ['expired with answers', { status: 'expired', output_file_id: 'out', request_counts: { total: 2, completed: 1, failed: 0 } }, { ...ENDED, unanswered: 'Expired' }],
    ['expired, its answers not visible', { status: 'expired', request_counts: { total: 2, completed: 1, failed: 0 } }, { kind: 'Open' }],
    ['cancelled', { status: 'cancelled', request_counts: { total: 2, completed: 0, failed: 0 } }, { kind: 'Ended', files: [], unanswered: 'Cancelled' }],
    ['cancelled while it was validated', { status: 'cancelled', request_counts: { total: 0, completed: 0, failed: 0 } }, { kind: 'Ended', files: [], unanswered: 'Cancelled' }],
    ['failed without words', { status: 'failed', errors: null }, { kind: 'Failed', message: 'no reason given', waitable: false }],
    ['failed with a code', { status: 'failed', errors: { data: [{ code: 'invalid_json_line' }, { message: 'line 2' }] } }, { kind: 'Failed', message: 'invalid_json_line; line 2', waitable: false }],
    ['over the token limit', { status: 'failed', errors: { data: [{ code: 'token_limit_exceeded', message: 'Enqueued token limit reached' }] } }, { kind: 'Failed', message: 'Enqueued token limit reached', waitable: true }],
  ])('%s', async (_, fields, expected) => {
    expect(await stateOf(fields)).toMatchObject(expected)
  })

  it('a create that was answered without an id is undecided', async () => {
    const { provider } = connect({ status: 200, json: { object: 'batch' } })
    expect((await provider.create('f', 'i')).kind).toBe('Ambiguous')
  })
})

describe('downloading answers', () => {
  const LINE = '{"custom_id":"a","response":{"status_code":200,"body":{"choices":[{"message":{"content":"x"}}]}}}\n'
  const read = (...answers: ScriptedAnswer[]): Promise<unknown> => collectItems(connect(...answers).provider.outcomes('f'))

  it('takes a whole file, also from a server that does not know its size', async () => {
    for (const json of [{ bytes: LINE.length }, {}]) expect(await read({ status: 200, json }, { status: 200, text: LINE })).toMatchObject([{ customId: 'a', text: 'x' }])
  })

  it.each([
    ['shorter than the file', { status: 200, text: '' }],
    ['longer than the file', { status: 200, text: LINE + LINE }],
    ['no result line', { status: 200, text: '<html>Bad gateway</html>' }],
    ['broken off', { reset: 'within' }],
  ] as const)('refuses a body that is %s', async (_, answer) => {
    await expect(read({ status: 200, json: { bytes: LINE.length } }, answer)).rejects.toMatchObject({ code: 'ProviderUnavailable' })
  })
})
