import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../ports/system-clock.ts'
import { systemRandom } from '../ports/system-random.ts'
import { openStorage, type StorageSpec } from './open-storage.ts'

const on = (root: string, storage?: StorageSpec['storage']): StorageSpec => ({
  input: { uri: `${root}in/*.parquet` },
  output: { uri: `${root}out/`, ifExists: 'Fail', columns: { names: {} } } as StorageSpec['output'],
  ...(storage === undefined ? {} : { storage }),
})
const open = (spec: StorageSpec, env: Record<string, string> = {}) => openStorage(spec, { env, clock: systemClock, random: systemRandom })
const KEYS = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }

describe('openStorage', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'llmbatch-open-storage-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('opens folders', async () => {
    await writeFile(join(folder, 'object'), 'x')
    expect(await (await open(on(`file://${folder}/`))).head(`file://${folder}/object`)).toMatchObject({ size: 1 })
  })

  it.each<[Partial<StorageSpec>, string]>([
    [{ input: { uri: 's3://bucket/*.parquet' } }, 'spec.input.uri s3://bucket/*.parquet lies in another store than spec.output.uri file:///data/out/'],
    [{ work: { uri: 's3://bucket/work/' } }, 'spec.work.uri s3://bucket/work/ lies in another store'],
    [{ input: { uri: 'file:./relative' } }, 'spec.input.uri file:./relative is neither an s3:// nor a file:/// URI'],
    [{ input: { uri: 'gs://bucket/a' } }, 'spec.input.uri gs://bucket/a is neither'],
  ])('refuses %j', async (part, message) => {
    await expect(open({ ...on('file:///data/'), ...part })).rejects.toMatchObject({ code: 'UnsupportedURI', message: expect.stringContaining(message) })
  })

  it('opens S3 with the keys of the environment, or with what the machine gives', async () => {
    await expect(open(on('s3://bucket/'), KEYS)).resolves.toBeDefined()
    await expect(open(on('s3://bucket/'))).resolves.toBeDefined()
    await expect(open(on('s3://bucket/', { credentialsSecretRef: { name: 's3' } }), KEYS)).resolves.toBeDefined()
  })

  it.each<[Record<string, string>, string]>([
    [{}, 'AWS_ACCESS_KEY_ID'],
    [{ AWS_ACCESS_KEY_ID: 'id' }, 'AWS_SECRET_ACCESS_KEY'],
    [{ AWS_ACCESS_KEY_ID: '\n', AWS_SECRET_ACCESS_KEY: 'secret' }, 'AWS_ACCESS_KEY_ID'],
  ])('names the Secret and the key that are missing in %j', async (env, key) => {
    await expect(open(on('s3://bucket/', { credentialsSecretRef: { name: 's3' } }), env)).rejects.toMatchObject({
      code: 'SecretNotFound',
      message: `Secret s3 of spec.storage.credentialsSecretRef, or its key ${key}, is missing or empty`,
    })
  })

  it('refuses an endpoint that is no URL', async () => {
    await expect(open(on('s3://bucket/', { endpoint: 'http://' }), KEYS)).rejects.toMatchObject({ code: 'InvalidJob', message: 'spec.storage.endpoint http:// is not a URL' })
  })

  it('takes a CA bundle of several certificates, with text between them', async () => {
    const path = join(folder, 'ca.crt')
    await writeFile(path, `# one\n${rootCertificates[0]}\n# two\n${rootCertificates[1]}\n`)
    await expect(open(on('s3://bucket/', { caBundleConfigMapRef: { name: 'ca' } }), { ...KEYS, LLMBATCH_CA_BUNDLE: path })).resolves.toBeDefined()
  })

  it.each<[string, string | null, string]>([
    ['is not given', null, 'ConfigMap ca of spec.storage.caBundleConfigMapRef, or its key ca.crt, is missing'],
    ['is missing', 'missing.crt', 'its key ca.crt cannot be read: ENOENT'],
    ['is no PEM', 'text.crt', 'holds no PEM certificate'],
    ['is damaged', 'damaged.crt', 'certificate 2 of'],
  ])('says so when the CA bundle %s', async (_, file, message) => {
    await writeFile(join(folder, 'text.crt'), 'hello')
    await writeFile(join(folder, 'damaged.crt'), `${rootCertificates[0]}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`)
    await expect(open(on('s3://bucket/', { caBundleConfigMapRef: { name: 'ca' } }), file === null ? KEYS : { ...KEYS, LLMBATCH_CA_BUNDLE: join(folder, file) })).rejects.toMatchObject({
      code: 'ConfigMapNotFound',
      message: expect.stringContaining(message),
    })
  })

  it('does not load the AWS SDK for folders', () => {
    const script = `
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      const { openStorage } = await import(${JSON.stringify(new URL('./open-storage.ts', import.meta.url).href)})
      await openStorage({ input: { uri: 'file:///a' }, output: { uri: 'file:///b/' } }, { env: {} })
      console.log(loaded.length > 0 && !loaded.some((url) => url.includes('@aws-sdk')))`
    expect(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).trim()).toBe('true')
  })
})
