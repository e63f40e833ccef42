import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../runner/ports/system-clock.ts'
import { systemRandom } from '../../runner/ports/system-random.ts'
import { openStorage, type StorageSpec } from '../../runner/storage/open-storage.ts'
import { startScriptedServer, type ScriptedServer } from './scripted-server.ts'

/** What a job's spec and the environment make of a request: the server notes it, and answers that there is no such object. */
describe('a request of openStorage\'s store', () => {
  let server: ScriptedServer
  beforeEach(async () => {
    server = await startScriptedServer((_, response) => response.writeHead(404).end())
  })
  afterEach(() => server.close())

  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }
  async function requestOf(storage: StorageSpec['storage'], env: Record<string, string>): Promise<{ readonly method: string; readonly url: string; readonly headers: Record<string, unknown> }> {
    const spec: StorageSpec = { input: { uri: 's3://catalog/in' }, output: { uri: 's3://catalog/out/' } as StorageSpec['output'], ...(storage === undefined ? {} : { storage }) }
    const store = await openStorage(spec, { env, clock: systemClock, random: systemRandom })
    expect(await store.head('s3://catalog/a b')).toBeNull()
    const [request] = server.requests
    if (request === undefined) throw new Error('nothing was asked')
    return request
  }

  it('goes to the endpoint, by path, signed with the keys of the environment', async () => {
    const { method, url, headers } = await requestOf({ endpoint: server.endpoint, region: 'eu-west-1' }, { ...keys, AWS_REGION: 'us-west-2' })
    expect(`${method} ${url}`).toBe('HEAD /catalog/a%20b')
    expect(headers['authorization']).toMatch(/Credential=id\/\d{8}\/eu-west-1\/s3\//)
    expect(headers['x-amz-security-token']).toBeUndefined()
  })

  it('carries the session token, and no line feed that a Secret ends in', async () => {
    const { headers } = await requestOf({ endpoint: server.endpoint }, { AWS_ACCESS_KEY_ID: 'id\n', AWS_SECRET_ACCESS_KEY: 'secret\n', AWS_SESSION_TOKEN: 'token\n' })
    expect(headers['authorization']).toContain('Credential=id/')
    expect(headers['x-amz-security-token']).toBe('token')
  })

  it.each([
    [{ AWS_REGION: 'us-west-2', AWS_DEFAULT_REGION: 'us-west-1' }, 'us-west-2'],
    [{ AWS_DEFAULT_REGION: 'us-west-1' }, 'us-west-1'],
    [{ AWS_REGION: '' }, 'us-east-1'],
  ])('without a region in the spec, with %j, is for %s', async (env, region) => {
    const { headers } = await requestOf({ endpoint: server.endpoint }, { ...keys, ...env })
    expect(headers['authorization']).toContain(`/${region}/s3/`)
  })

  it('goes to the environment\'s endpoint when the spec names none', async () => {
    expect(await requestOf(undefined, { ...keys, AWS_ENDPOINT_URL_S3: server.endpoint, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' })).toMatchObject({ url: '/catalog/a%20b' })
  })

  it.each([
    ['Path', 'http://store.invalid/catalog/a%20b'],
    ['VirtualHosted', 'http://catalog.store.invalid/a%20b'],
  ] as const)('goes through the environment\'s proxy; %s addressing makes it %s', async (addressing, url) => {
    expect(await requestOf({ endpoint: 'http://store.invalid', addressing }, { ...keys, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: server.endpoint })).toMatchObject({ url })
  })

  it('goes past the proxy when Node is not told to use it', async () => {
    expect(await requestOf({ endpoint: server.endpoint }, { ...keys, HTTP_PROXY: 'http://127.0.0.1:1' })).toMatchObject({ url: '/catalog/a%20b' })
  })
})
