import { describe, expect, it } from 'vitest'
import type { LlmBatchJobSpec } from '../crds/generated/llmbatchjob.ts'
import { checkManifest } from './load-job.ts'
import { checkCredentialOptions, runnerCredentials } from './runner-credentials.ts'
import type { LocalSources } from './secrets.ts'

function specWith(scheme: 'file:/' | 's3://', more: Record<string, unknown> = {}): LlmBatchJobSpec {
  const spec = {
    input: { uri: `${scheme}bucket/in.parquet` },
    output: { uri: `${scheme}bucket/out/` },
    request: { model: 'm', prompt: '{{a}}' },
    provider: { type: 'OpenAI', credentialsSecretRef: { name: 'openai' } },
    ...more,
  }
  const checked = checkManifest(JSON.stringify({ apiVersion: 'llmbatch.io/v1alpha1', kind: 'LlmBatchJob', metadata: { name: 'job' }, spec }))
  if (!('job' in checked)) throw new Error(JSON.stringify(checked.findings))
  return checked.job.spec
}

const env = { API_KEY: 'key', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', AWS_PROFILE: 'work', HOME: '/home/me', HTTPS_PROXY: 'http://proxy', OTHER: 'x' }
const sources: LocalSources = { secret: [], configMap: [], env }

describe('the environment of a local job\'s runners', () => {
  it('has the provider\'s key and network settings, and of a file: job nothing of AWS', () => {
    expect(runnerCredentials(specWith('file:/'), sources)).toEqual({ API_KEY: 'key', HTTPS_PROXY: 'http://proxy' })
  })

  it('has what the AWS SDK looks at when an s3 job names no Secret', () => {
    expect(runnerCredentials(specWith('s3://'), sources)).toEqual({ API_KEY: 'key', HTTPS_PROXY: 'http://proxy', HOME: '/home/me', AWS_PROFILE: 'work', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' })
  })

  it('has only the keys of the Secret when one is named, and the CA bundle by its path', () => {
    const spec = specWith('s3://', { storage: { endpoint: 'https://store', credentialsSecretRef: { name: 's3' }, caBundleConfigMapRef: { name: 'ca' } } })
    const made = runnerCredentials(spec, { ...sources, configMap: ['ca=/certs/ca.crt'] })
    expect(made).toEqual({ API_KEY: 'key', HTTPS_PROXY: 'http://proxy', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', LLMBATCH_CA_BUNDLE: '/certs/ca.crt' })
    expect(() => runnerCredentials(spec, { ...sources, configMap: ['ca=/certs/ca.crt'], env: { API_KEY: 'key' } })).toThrow('Secret s3 of spec.storage.credentialsSecretRef')
  })

  it('says where S3 is when the spec does not, with a Secret too', () => {
    const place = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2', AWS_ENDPOINT_URL_S3: 'http://one', AWS_ENDPOINT_URL: 'http://two' }
    const spec = specWith('s3://', { storage: { credentialsSecretRef: { name: 's3' } } })
    expect(runnerCredentials(spec, { ...sources, env: { ...env, ...place } })).toEqual({ API_KEY: 'key', HTTPS_PROXY: 'http://proxy', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', ...place })
  })

  it('is refused when an option names what the job does not', () => {
    expect(() => checkCredentialOptions([specWith('s3://')], { ...sources, secret: ['s3=x.env'] })).toThrow('the job names the Secret openai, not s3')
  })
})
