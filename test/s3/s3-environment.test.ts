import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../runner/ports/system-clock.ts'
import { systemRandom } from '../../runner/ports/system-random.ts'
import { openStorage, type StorageSpec } from '../../runner/storage/open-storage.ts'
import { errorBody, startScriptedServer, type ScriptedServer } from './scripted-server.ts'

/** What a job's spec and the environment make of a request: the server notes it, and answers that there is no such object. */
describe('a request of openStorage\'s store', () => {
  let server: ScriptedServer
  beforeEach(async () => {
    server = await startScriptedServer((_, response) => response.writeHead(404).end(errorBody('NoSuchKey')))
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

/** The SDK finds these by itself in the environment that EKS gives a Pod. */
describe('the identity of a Pod', () => {
  let server: ScriptedServer
  let folder: string
  const expiration = new Date(systemClock.now() + 3_600_000).toISOString()

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'llmbatch-identity-'))
    await writeFile(join(folder, 'token'), 'the-pods-token')
    server = await startScriptedServer(({ method, url }, response) => {
      if (url === '/pod-identity') response.end(JSON.stringify({ AccessKeyId: 'pod-id', SecretAccessKey: 'pod-secret', Token: 'pod-session', Expiration: expiration }))
      else if (method === 'POST') response.writeHead(200, { 'content-type': 'text/xml' }).end(assumedRole(expiration))
      else response.writeHead(404).end(errorBody('NoSuchKey'))
    })
    // No profile and no other identity of the machine.
    for (const [name, value] of [['HOME', folder], ['AWS_EC2_METADATA_DISABLED', 'true'], ['AWS_ACCESS_KEY_ID', ''], ['AWS_SECRET_ACCESS_KEY', ''], ['AWS_PROFILE', '']] as const) {
      vi.stubEnv(name, value === '' ? undefined : value)
    }
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await server.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function signedBy(): Promise<unknown> {
    const spec: StorageSpec = { input: { uri: 's3://catalog/in' }, output: { uri: 's3://catalog/out/' } as StorageSpec['output'], storage: { endpoint: server.endpoint, region: 'eu-west-1' } }
    const store = await openStorage(spec, { env: process.env, clock: systemClock, random: systemRandom })
    expect(await store.head('s3://catalog/object')).toBeNull()
    const headers = server.requests.find(({ url }) => url === '/catalog/object')?.headers
    return [/Credential=([^/]+)/.exec(String(headers?.authorization))?.[1], headers?.['x-amz-security-token']]
  }

  it('is asked of EKS Pod Identity with the Pod\'s token', async () => {
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${server.endpoint}/pod-identity`)
    vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', join(folder, 'token'))
    expect(await signedBy()).toEqual(['pod-id', 'pod-session'])
    expect(server.requests.find(({ url }) => url === '/pod-identity')?.headers['authorization']).toBe('the-pods-token')
  })

  it('is the role of its service account, by web identity', async () => {
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/llmbatch')
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', join(folder, 'token'))
    vi.stubEnv('AWS_ENDPOINT_URL_STS', server.endpoint)
    expect(await signedBy()).toEqual(['role-id', 'role-session'])
  })

  it('whose service is away is waited for, not taken as missing', async () => {
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://127.0.0.1:1/away')
    // A minute passes between two looks, so that it is tried twice.
    let time = 0
    const clock = { now: () => systemClock.now(), monotonic: () => (time += 61_000), sleep: () => Promise.resolve() }
    const spec: StorageSpec = { input: { uri: 's3://catalog/in' }, output: { uri: 's3://catalog/out/' } as StorageSpec['output'], storage: { endpoint: server.endpoint } }
    const waits: string[] = []
    const store = await openStorage(spec, { env: process.env, clock, random: systemRandom, onWait: ({ message }) => waits.push(message) })
    await expect(store.head('s3://catalog/object')).rejects.toMatchObject({ kind: 'Unavailable', code: 'StorageUnavailable', message: expect.stringContaining('gives none now') as string })
    expect(waits).toEqual([expect.stringContaining('gives none now')])
  })

  it('that is nowhere is missed, with the ways to give one', async () => {
    await expect(signedBy()).rejects.toMatchObject({ kind: 'Denied', code: 'StorageDenied', message: expect.stringContaining('spec.storage.credentialsSecretRef') as string })
  })
})

function assumedRole(expiration: string): string {
  const credentials = `<AccessKeyId>role-id</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-session</SessionToken><Expiration>${expiration}</Expiration>`
  return `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>${credentials}</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`
}
