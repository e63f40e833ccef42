import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { LlmbatchError } from '../crds/errors.ts'

/** Key of the provider's Secret. */
const API_KEY = 'API_KEY'

/** Reads one `--secret NAME=ENVFILE`. Throws SecretNotFound when it has no such form. */
export function parseSecretOption(option: string): { readonly name: string; readonly file: string } {
  const at = option.indexOf('=')
  if (at < 1 || at === option.length - 1) throw new LlmbatchError('SecretNotFound', `--secret ${option} is not NAME=ENVFILE`)
  return { name: option.slice(0, at), file: option.slice(at + 1) }
}

/**
 * The provider's key: from the file that `--secret NAME=ENVFILE` gives for the Secret's name, else from the environment. Throws
 * SecretNotFound naming both ways.
 */
export function providerApiKey(secretName: string, options: readonly string[], env: Readonly<Record<string, string | undefined>>): string {
  const given = options.map(parseSecretOption)
  const stranger = given.find((candidate) => candidate.name !== secretName)
  if (stranger !== undefined) throw new LlmbatchError('SecretNotFound', `--secret ${stranger.name}=${stranger.file}: the job names the Secret ${secretName}, not ${stranger.name}`)
  const option = given.at(-1)
  if (option !== undefined) {
    const key = readEnvFile(option.file)[API_KEY]
    if (key === undefined || key === '') throw new LlmbatchError('SecretNotFound', `${option.file}, given by --secret ${secretName}=${option.file}, has no line ${API_KEY}=…`)
    return key
  }
  const key = env[API_KEY]
  if (key === undefined || key === '') {
    throw new LlmbatchError('SecretNotFound', `Secret ${secretName} of spec.provider.credentialsSecretRef: neither --secret ${secretName}=ENVFILE is given nor is ${API_KEY} set in the environment`)
  }
  return key
}

function readEnvFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new LlmbatchError('SecretNotFound', `${path}, given by --secret, cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
