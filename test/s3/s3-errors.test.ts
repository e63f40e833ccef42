import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { collectBytes, collectItems } from '../../runner/storage/collect.ts'
import { S3Storage } from '../../runner/storage/s3-storage.ts'
import type { Storage } from '../../runner/storage/storage.ts'
import { startForwardProxy } from './forward-proxy.ts'
import { storageOf } from './s3-place.ts'
import { startScriptedServer } from './scripted-server.ts'
import { startS3Server, type S3Server } from './versitygw.ts'

const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
const list = (storage: Storage, uri = 's3://catalog/') => collectItems(storage.list(uri))
const bytes = Buffer.from('bytes')

describe('a real server', () => {
  let server: S3Server
  beforeAll(async () => {
    server = await startS3Server()
  })
  afterAll(() => server.close())
  const storage = (options: object) => new S3Storage({ endpoint: server.endpoint, region: server.region, credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey }, ...options })

  it('refuses a wrong secret, in each call', async () => {
    const wrong = storage({ credentials: { accessKeyId: server.accessKeyId, secretAccessKey: 'wrong' } })
    const named = { kind: 'Denied', code: 'StorageDenied', message: expect.stringContaining('the secret access key does not belong to the access key id') }
    await expect(list(wrong)).rejects.toMatchObject(named)
    await expect(wrong.get('s3://catalog/key')).rejects.toMatchObject(named)
    await expect(wrong.put('s3://catalog/key', bytes, { unconditional: true })).rejects.toMatchObject(named)
    await expect(wrong.beginUpload('s3://catalog/key')).rejects.toMatchObject(named)
    await expect(wrong.remove('s3://catalog/key')).rejects.toMatchObject(named)
    await expect(wrong.head('s3://catalog/key')).rejects.toMatchObject(named)
  })

  it('refuses an unknown key', async () => {
    await expect(list(storage({ credentials }))).rejects.toMatchObject({ kind: 'Denied', code: 'StorageDenied', message: expect.stringContaining('the access key id is unknown to the store') })
  })

  it('does not know a bucket', async () => {
    const missing = { kind: 'Misused', code: 'BucketNotFound', message: expect.stringContaining('the bucket does not exist') }
    await expect(list(storage({}), 's3://nowhere/')).rejects.toMatchObject(missing)
    await expect(storage({}).get('s3://nowhere/key')).rejects.toMatchObject(missing)
    await expect(storage({}).put('s3://nowhere/key', bytes, { ifNoneMatch: '*' })).rejects.toMatchObject(missing)
    await expect(storage({}).put('s3://nowhere/key', bytes, { ifMatch: '"x"' })).rejects.toMatchObject(missing)
    await expect(storage({}).head('s3://nowhere/key')).rejects.toMatchObject(missing)
  })

  it('lies in another region', async () => {
    await expect(list(storage({ region: 'eu-west-1' }))).rejects.toMatchObject({ kind: 'Misused', code: 'BucketRegionMismatch', message: expect.stringContaining('not in region eu-west-1 but in us-east-1') })
  })

  it('has no room for an object below another', async () => {
    const it = storageOf(server)
    await it.put('s3://catalog/both', bytes, { ifNoneMatch: '*' })
    await expect(it.put('s3://catalog/both/below', bytes, { ifNoneMatch: '*' })).rejects.toMatchObject({ kind: 'Misused', message: expect.stringContaining('both an object and a folder') })
  })

  it('does not speak TLS', async () => {
    await expect(list(storage({ endpoint: server.endpoint.replace('http:', 'https:') }))).rejects.toMatchObject({ kind: 'Misused', code: 'StorageTLSFailed', message: expect.stringContaining('is it http://?') })
  })
})

describe('no server', () => {
  it('by that name', async () => {
    await expect(list(new S3Storage({ endpoint: 'http://store.invalid', credentials }))).rejects.toMatchObject({ code: expect.stringMatching(/^Storage(?:HostNotFound|Unavailable)$/), message: expect.stringContaining('store.invalid') })
  })

  it('at that port', async () => {
    const gone = await startScriptedServer(() => undefined)
    await gone.close()
    await expect(list(gone.storage)).rejects.toMatchObject({ kind: 'Unavailable', message: expect.stringContaining('the store cannot be reached (connect ECONNREFUSED') })
    await expect(gone.storage.put('s3://catalog/key', bytes, { ifNoneMatch: '*' })).rejects.toMatchObject({ kind: 'Unavailable' })
  })
})

describe('no credentials', () => {
  let home: string
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'llmbatch-s3-home-'))
    for (const name of Object.keys(process.env).filter((variable) => variable.startsWith('AWS_'))) vi.stubEnv(name, undefined)
    vi.stubEnv('HOME', home)
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  })
  afterAll(() => {
    vi.unstubAllEnvs()
    rmSync(home, { recursive: true, force: true })
  })

  it('anywhere: the ways to give them are named', async () => {
    await expect(list(new S3Storage({ endpoint: 'http://127.0.0.1:1' }))).rejects.toMatchObject({
      kind: 'Denied',
      code: 'StorageDenied',
      message: expect.stringMatching(/no credentials were found .* spec\.storage\.credentialsSecretRef, .* service account .* `llmbatch run` set AWS_ACCESS_KEY_ID/),
    })
  })
})

describe('TLS', () => {
  let folder: string
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  let server: S3Server
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'llmbatch-s3-tls-'))
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=test CA')
    for (const [name, host] of [['here', 'IP:127.0.0.1'], ['elsewhere', 'DNS:elsewhere.example']] as const) {
      openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`, '-addext', `subjectAltName=${host}`)
      openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-out', `${name}.crt`, '-days', '1', '-copy_extensions', 'copy')
    }
    server = await startS3Server({ tls: { certFile: file('here.crt'), keyFile: file('here.key') } })
  })
  afterAll(async () => {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const text = (name: string) => readFileSync(file(name), 'utf8')
  const over = (endpoint: string, options: object) => new S3Storage({ endpoint, credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey }, ...options })

  it('with a CA that nobody gave is refused', async () => {
    await expect(list(over(server.endpoint, {}))).rejects.toMatchObject({ kind: 'Misused', code: 'StorageTLSFailed', message: expect.stringContaining('its issuer is not trusted here') })
  })

  it('with the CA bundle is trusted', async () => {
    const trusting = over(server.endpoint, { caBundle: text('ca.crt') })
    const etag = await trusting.put('s3://catalog/key', bytes, { ifNoneMatch: '*' })
    expect(await collectBytes(trusting.read('s3://catalog/key', 1, 3, etag))).toEqual(bytes.subarray(1, 3))
  })

  it('goes through a proxy as a tunnel', async () => {
    const proxy = await startForwardProxy()
    try {
      const proxied = over(server.endpoint, { caBundle: text('ca.crt'), proxyEnv: { https_proxy: proxy.url } })
      await proxied.put('s3://catalog/proxied', bytes, { ifNoneMatch: '*' })
      expect((await proxied.head('s3://catalog/proxied'))?.size).toBe(bytes.length)
      expect(new Set(proxy.seen)).toEqual(new Set([`CONNECT ${new URL(server.endpoint).host}`]))
      await expect(list(over(server.endpoint, { proxyEnv: { https_proxy: proxy.url } }))).rejects.toMatchObject({ code: 'StorageTLSFailed' })
    } finally {
      await proxy.close()
    }
  })

  it('with a certificate of another host is refused', async () => {
    const other = await startScriptedServer(() => undefined, { cert: text('elsewhere.crt'), key: text('elsewhere.key') })
    try {
      await expect(list(over(other.endpoint, { caBundle: text('ca.crt') }))).rejects.toMatchObject({ code: 'StorageTLSFailed', message: expect.stringContaining('it is for another host name') })
    } finally {
      await other.close()
    }
  })

  it('signs the bytes of each body, as without TLS', async () => {
    const capture = await startScriptedServer((_, response) => response.writeHead(200, { etag: '"x"' }).end(), { cert: text('here.crt'), key: text('here.key') })
    try {
      const storage = over(capture.endpoint, { caBundle: text('ca.crt') })
      await storage.put('s3://catalog/key', bytes, { unconditional: true })
      await storage.uploadPart('s3://catalog/key', 'id', 1, bytes)
      for (const { headers, body } of capture.requests) {
        expect(headers['x-amz-content-sha256']).toBe(createHash('sha256').update(bytes).digest('hex'))
        expect(headers.authorization).toMatch(/SignedHeaders=[^,]*x-amz-content-sha256/)
        expect(Object.keys(headers).filter((name) => /checksum|trailer|expect|content-encoding/.test(name))).toEqual([])
        expect(body).toEqual(bytes)
      }
      expect(capture.requests).toHaveLength(2)
    } finally {
      await capture.close()
    }
  })
})
