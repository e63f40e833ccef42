import { resolve } from 'node:path'
import type { LlmBatchJobSpec } from '../crds/generated/llmbatchjob.ts'
import { checkSources, configMapFile, secretValues, type LocalSources } from './secrets.ts'

/** Any key will do for the simulator. */
const SIMULATED_KEY = 'simulated'

/** How to reach the network. */
const NETWORK = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'NODE_USE_ENV_PROXY', 'NODE_EXTRA_CA_CERTS']

/** Where S3 is when the spec does not say; the SDK of this very process looks at them too. */
const PLACE = ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL']

/**
 * Variables of a local job's runners: network settings of this process, the provider's key, and what storage needs. An s3 job without
 * `credentialsSecretRef` gets what the AWS SDK looks at: every AWS_ variable, and HOME for its profile. Throws SecretNotFound, ConfigMapNotFound.
 */
export function runnerCredentials(spec: LlmBatchJobSpec, sources: LocalSources): Record<string, string> {
  return { ...inherited(sources.env, (name) => NETWORK.includes(name)), API_KEY: providerKey(spec, sources), ...storageCredentials(spec, sources) }
}

/** The part of it that storage needs. */
export function storageCredentials(spec: Pick<LlmBatchJobSpec, 'input' | 'storage'>, sources: LocalSources): Record<string, string> {
  if (!spec.input.uri.startsWith('s3://')) return {}
  const { credentialsSecretRef, caBundleConfigMapRef } = spec.storage ?? {}
  const credentials =
    credentialsSecretRef === undefined
      ? inherited(sources.env, (name) => name.startsWith('AWS_') || name === 'HOME')
      : secretValues({ name: credentialsSecretRef.name, field: 'spec.storage.credentialsSecretRef', keys: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'], optionalKeys: ['AWS_SESSION_TOKEN'] }, sources)
  return {
    ...inherited(sources.env, (name) => PLACE.includes(name)),
    ...credentials,
    ...(caBundleConfigMapRef === undefined ? {} : { LLMBATCH_CA_BUNDLE: resolve(configMapFile(caBundleConfigMapRef.name, 'spec.storage.caBundleConfigMapRef', sources)) }),
  }
}

/** Refuses options that name no Secret or ConfigMap of any of the jobs: a misspelt name must not go unnoticed. Throws SecretNotFound, ConfigMapNotFound. */
export function checkCredentialOptions(specs: readonly LlmBatchJobSpec[], sources: LocalSources): void {
  const names = (refs: readonly ({ readonly name: string } | undefined)[]): string[] => refs.flatMap((ref) => (ref === undefined ? [] : [ref.name]))
  checkSources(sources, {
    secrets: names(specs.flatMap(({ provider, storage }) => [provider.credentialsSecretRef, storage?.credentialsSecretRef])),
    configMaps: names(specs.map(({ storage }) => storage?.caBundleConfigMapRef)),
  })
}

function providerKey({ provider }: LlmBatchJobSpec, sources: LocalSources): string {
  const name = provider.credentialsSecretRef?.name
  return name === undefined ? SIMULATED_KEY : (secretValues({ name, field: 'spec.provider.credentialsSecretRef', keys: ['API_KEY'] }, sources)['API_KEY'] ?? '')
}

function inherited(env: LocalSources['env'], isWanted: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value !== undefined && isWanted(name) ? [[name, value]] : [])))
}
