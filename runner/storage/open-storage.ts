import { readFile } from 'node:fs/promises'
import { X509Certificate } from 'node:crypto'
import { LlmbatchError, messageOf } from '../../crds/errors.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import { workUri } from '../../crds/work-uri.ts'
import { FileStorage } from './file-storage.ts'
import { retryingStorage, type RetryPorts } from './retrying-storage.ts'
import type { S3Options } from './s3-client.ts'
import type { Storage } from './storage.ts'

/** What tells where a job's objects lie and how to reach them. */
export type StorageSpec = Pick<LlmBatchJobSpec, 'input' | 'output' | 'work' | 'storage'>

type Environment = Readonly<Record<string, string | undefined>>

const CA_BUNDLE = 'LLMBATCH_CA_BUNDLE'
/** What a platform sets that gives Pods an identity. */
const IDENTITY = ['AWS_CONTAINER_CREDENTIALS_FULL_URI', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_WEB_IDENTITY_TOKEN_FILE']
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

/**
 * Opens the one store in which input, output and work lie, with retries around it. The AWS SDK, some 25 MB and 0.2 s, is loaded for s3 only.
 *
 * Environment, for s3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, else the SDK's own chain over the process (profile, web
 * identity, Pod identity, instance metadata); AWS_REGION or AWS_DEFAULT_REGION when the spec names no region; AWS_ENDPOINT_URL_S3 or
 * AWS_ENDPOINT_URL when it names no endpoint; LLMBATCH_CA_BUNDLE, a PEM file trusted beside what Node trusts; HTTP_PROXY, HTTPS_PROXY and
 * NO_PROXY when NODE_USE_ENV_PROXY is 1, as Node has it. Throws UnsupportedURI, SecretNotFound, ConfigMapNotFound, InvalidJob.
 */
export async function openStorage(spec: StorageSpec, { env, ...ports }: RetryPorts & { readonly env: Environment }): Promise<Storage> {
  if (schemeOf(spec) === 'file:///') return retryingStorage(new FileStorage(), ports)
  const options = await s3Options(spec.storage, env)
  const { S3Storage } = await import('./s3-storage.ts')
  return retryingStorage(new S3Storage(options), ports)
}

function schemeOf(spec: StorageSpec): 'file:///' | 's3://' {
  const { output } = spec
  const scheme = output.uri.startsWith('s3://') ? 's3://' : 'file:///'
  for (const [field, uri] of [['spec.output.uri', output.uri], ['spec.input.uri', spec.input.uri], ['spec.work.uri', workUri(spec)]] as const) {
    if (uri.startsWith(scheme)) continue
    const why = /^(?:s3:\/\/|file:\/\/\/)/.test(uri) ? `lies in another store than spec.output.uri ${output.uri}` : 'is neither an s3:// nor a file:/// URI'
    throw new LlmbatchError('UnsupportedURI', `${field} ${uri} ${why}`)
  }
  return scheme
}

async function s3Options(storage: StorageSpec['storage'], env: Environment): Promise<S3Options> {
  // An empty variable is one that is not set.
  const endpoint = storage?.endpoint ?? (env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'] || undefined)
  if (endpoint !== undefined && !URL.canParse(endpoint)) throw new LlmbatchError('InvalidJob', `${storage?.endpoint === undefined ? 'AWS_ENDPOINT_URL' : 'spec.storage.endpoint'} ${endpoint} is not a URL`)
  const region = storage?.region ?? (env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || undefined)
  const credentials = credentialsOf(storage, env)
  const caBundle = await caBundleOf(storage, env)
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(storage?.addressing === undefined ? {} : { addressing: storage.addressing }),
    ...(credentials === undefined ? { hasIdentity: IDENTITY.some((name) => (env[name] ?? '') !== '') } : { credentials }),
    ...(caBundle === undefined ? {} : { caBundle }),
    ...(env['NODE_USE_ENV_PROXY'] === '1' ? { proxyEnv: env } : {}),
  }
}

function credentialsOf(storage: StorageSpec['storage'], env: Environment): S3Options['credentials'] {
  // A Secret that was made from a file often ends in a line feed, which no header can hold.
  const [accessKeyId, secretAccessKey, sessionToken] = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'].map((key) => env[key]?.trim() ?? '')
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
  const secret = storage?.credentialsSecretRef?.name
  if (secret === undefined) return undefined
  throw new LlmbatchError('SecretNotFound', `Secret ${secret} of spec.storage.credentialsSecretRef, or its key ${accessKeyId ? 'AWS_SECRET_ACCESS_KEY' : 'AWS_ACCESS_KEY_ID'}, is missing or empty`)
}

async function caBundleOf(storage: StorageSpec['storage'], env: Environment): Promise<string | undefined> {
  const path = env[CA_BUNDLE]
  const configMap = storage?.caBundleConfigMapRef?.name
  if (path === undefined) {
    if (configMap === undefined) return undefined
    throw new LlmbatchError('ConfigMapNotFound', `ConfigMap ${configMap} of spec.storage.caBundleConfigMapRef, or its key ca.crt, is missing`)
  }
  const field = configMap === undefined ? CA_BUNDLE : `ConfigMap ${configMap} of spec.storage.caBundleConfigMapRef`
  let pem: string
  try {
    pem = await readFile(path, 'utf8')
  } catch (error) {
    throw new LlmbatchError('ConfigMapNotFound', `${field}: its key ca.crt cannot be read: ${messageOf(error)}`, { cause: error })
  }
  const certificates = pem.match(CERTIFICATE) ?? []
  if (certificates.length === 0) throw new LlmbatchError('ConfigMapNotFound', `${field}: ${path} holds no PEM certificate (-----BEGIN CERTIFICATE-----)`)
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate)
    } catch (error) {
      throw new LlmbatchError('ConfigMapNotFound', `${field}: certificate ${index + 1} of ${path} is damaged: ${messageOf(error)}`, { cause: error })
    }
  }
  return certificates.join('\n')
}
