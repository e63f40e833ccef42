import { describe, expect, it } from 'vitest'
import { ProviderClient } from './provider-client.ts'
import { ScriptedProvider, type ScriptedAnswer } from './testdata/simulated-wire.ts'

function connect(...answers: ScriptedAnswer[]): { readonly script: ScriptedProvider; readonly client: ProviderClient } {
  const script = new ScriptedProvider(answers)
  return { script, client: new ProviderClient(script, 'http://provider/v1', { authorization: 'Bearer key' }, 1_000) }
}

const OK: ScriptedAnswer = { status: 200, json: { id: 'x' } }
const ERROR_PAGE = '<html><body>502 Bad Gateway</body></html>'
const error = (status: number): ScriptedAnswer => ({ status, json: { error: { message: `no: ${status}` } } })
const POST = { headers: { 'content-type': 'application/json' }, body: '{}' }

describe('a call that changes something', () => {
  it('is sent once, with the credentials, and its JSON comes back', async () => {
    const { script, client } = connect(OK)
    expect(await client.change('POST', '/batches', POST)).toEqual({ kind: 'Accepted', value: { id: 'x' } })
    expect(script.requests).toEqual([{ method: 'POST', url: 'http://provider/v1/batches', headers: { authorization: 'Bearer key', 'content-type': 'application/json' }, body: '{}', timeoutMs: 1_000 }])
  })

  it.each([400, 401, 403, 404, 413, 422, 429])('is rejected when the provider itself answers %i', async (status) => {
    const { script, client } = connect(error(status))
    expect(await client.change('POST', '/batches', POST)).toEqual({ kind: 'Rejected', status, message: `no: ${status}`, retryAfterSeconds: null })
    expect(script.requests.length).toBe(1)
  })

  it.each([
    ['a timeout of the provider', error(408)],
    ['a conflict', error(409)],
    ['an error of the provider', error(500)],
    ['an overloaded provider', error(503)],
    ['a redirect', { status: 307, text: '' }],
    ['a proxy\'s error page', { status: 502, text: ERROR_PAGE }],
    ['a proxy\'s page with a status of the provider\'s', { status: 404, text: ERROR_PAGE }],
    ['a proxy\'s page with a 429', { status: 429, text: 'slow down' }],
    ['success that is no JSON', { status: 200, text: '{"id":' }],
    ['success that is no JSON object', { status: 200, text: '"x"' }],
    ['success without a body', { status: 202, text: '' }],
    ['a reset connection', { reset: 'before' }],
    ['an answer that breaks off', { reset: 'within' }],
  ] as const)('is undecided after %s, and never sent again', async (_, answer) => {
    const { script, client } = connect(answer)
    expect((await client.change('POST', '/batches', POST)).kind).toBe('Ambiguous')
    expect(script.requests.length).toBe(1)
    expect(script.clock.sleeps).toEqual([])
  })

  it.each([
    ['20', 20],
    ['0', null],
    ['Wed, 21 Oct 2026 07:28:00 GMT', null],
  ])('a rejection carries a Retry-After of %s as %s seconds', async (header, retryAfterSeconds) => {
    const { client } = connect({ status: 429, json: { error: { message: 'slow' } }, headers: { 'retry-after': header } })
    expect(await client.change('POST', '/batches', POST)).toMatchObject({ kind: 'Rejected', retryAfterSeconds })
  })

  it('keeps the words of servers that answer {"detail"}', async () => {
    expect(await connect({ status: 422, json: { detail: 'field required' } }).client.change('POST', '/x', POST)).toMatchObject({ message: 'field required' })
  })

  it('does not hide a fault of our own as an unclear answer', async () => {
    await expect(connect().client.change('POST', '/x', POST)).rejects.toThrow('the script has no answer')
  })
})

describe('a call that changes nothing', () => {
  it.each([
    ['a reset', { reset: 'before' }],
    ['an answer that breaks off', { reset: 'within' }],
    ['a 500', error(500)],
    ['a 429', error(429)],
    ['a proxy\'s error page', { status: 502, text: ERROR_PAGE }],
    ['success that is no JSON', { status: 200, text: ERROR_PAGE }],
  ] as const)('is tried again after %s', async (_, answer) => {
    const { script, client } = connect(answer, OK)
    expect(await client.read('/batches/b')).toEqual({ id: 'x' })
    expect(script.calls).toEqual(['GET /v1/batches/b', 'GET /v1/batches/b'])
    expect(script.clock.sleeps.length).toBe(1)
  })

  it('is given up after four tries, with the provider\'s words', async () => {
    const { script, client } = connect(error(500), { reset: 'before' }, error(500), error(503))
    await expect(client.read('/batches/b')).rejects.toMatchObject({ code: 'ProviderUnavailable', message: 'GET http://provider/v1/batches/b: status 503: no: 503' })
    expect(script.requests.length).toBe(4)
  })

  it.each([401, 403])('ends at once when the key is refused (%i)', async (status) => {
    const { script, client } = connect(error(status))
    await expect(client.read('/batches')).rejects.toMatchObject({ code: 'AuthFailed' })
    expect(script.requests.length).toBe(1)
  })

  it('ends with ProviderUnavailable on 404: it is no proof', async () => {
    await expect(connect(error(404), error(404), error(404), error(404)).client.read('/batches/b')).rejects.toMatchObject({ code: 'ProviderUnavailable' })
  })

  it('does not read an endless answer to its end', async () => {
    const endless: ScriptedAnswer = { status: 200, text: `"${'x'.repeat(5 * 1024 * 1024)}"` }
    await expect(connect(endless, endless, endless, endless).client.read('/x')).rejects.toMatchObject({ code: 'ProviderUnavailable', message: expect.stringContaining('longer than') })
  })

  it('that asks whether something is there takes the provider\'s 404 for no, and nothing else', async () => {
    expect(await connect(error(404)).client.readIfExists('/files/f')).toBeNull()
    expect(await connect({ reset: 'before' }, OK).client.readIfExists('/files/f')).toEqual({ id: 'x' })
    const broken: ScriptedAnswer = { status: 500, text: ERROR_PAGE }
    await expect(connect(broken, broken, broken, broken).client.readIfExists('/files/f')).rejects.toMatchObject({ code: 'ProviderUnavailable' })
    await expect(connect(error(401)).client.readIfExists('/files/f')).rejects.toMatchObject({ code: 'AuthFailed' })
  })

  it('gives headers', async () => {
    const { client } = connect({ status: 200, json: {}, headers: { 'openai-organization': 'acme' } })
    expect(await client.headersOf('/batches')).toEqual({ 'openai-organization': 'acme' })
  })
})

describe('deleting', () => {
  it.each([
    ['done', [OK]],
    ['gone already', [error(404)]],
    ['gone by a try whose answer was lost', [{ reset: 'before' }, error(404)]],
  ] as const)('counts as done when it is %s', async (_, answers) => {
    const { script, client } = connect(...answers)
    await client.remove('/files/f')
    expect(script.calls).toEqual(answers.map(() => 'DELETE /v1/files/f'))
  })

  it('fails when it is not certain', async () => {
    await expect(connect(error(500), error(500), error(500), error(500)).client.remove('/files/f')).rejects.toMatchObject({ code: 'ProviderUnavailable' })
  })
})
