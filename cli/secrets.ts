import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { LlmbatchError, messageOf, type ErrorCode } from '../crds/errors.ts'

/** What stands in for Secrets and ConfigMaps where there is no cluster. */
export interface LocalSources {
  /** `--secret NAME=ENVFILE`, as given. */
  readonly secret: readonly string[]
  /** `--config-map NAME=FILE`, as given. */
  readonly configMap: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A reference of the spec to a Secret, and the keys that are read from it. */
export interface SecretRef {
  readonly name: string
  /** For messages, e.g. `spec.provider.credentialsSecretRef`. */
  readonly field: string
  readonly keys: readonly string[]
  readonly optionalKeys?: readonly string[]
}

/** An option `NAME=FILE`, read. */
interface NamedFile {
  readonly name: string
  readonly file: string
}

const CODES = { '--secret': 'SecretNotFound', '--config-map': 'ConfigMapNotFound' } as const satisfies Record<string, ErrorCode>
const KINDS = { '--secret': 'Secret', '--config-map': 'ConfigMap' } as const

/** Reads `NAME=FILE` options. Throws SecretNotFound or ConfigMapNotFound when one has another form, or names what the job does not. */
export function checkSources(sources: LocalSources, named: { readonly secrets: readonly string[]; readonly configMaps: readonly string[] }): void {
  for (const [option, values, names] of [['--secret', sources.secret, named.secrets], ['--config-map', sources.configMap, named.configMaps]] as const) {
    for (const value of values) {
      const { name } = parseNamedFile(option, value)
      if (names.includes(name)) continue
      const known = names.length === 0 ? `no ${KINDS[option]}` : `the ${KINDS[option]} ${names.join(' and ')}`
      throw new LlmbatchError(CODES[option], `${option} ${value}: the job names ${known}, not ${name}`)
    }
  }
}

/**
 * The keys of a Secret: from the file that `--secret NAME=ENVFILE` gives for its name, else from the environment; never some from each.
 * Throws SecretNotFound naming both ways.
 */
export function secretValues({ name, field, keys, optionalKeys = [] }: SecretRef, { secret, env }: LocalSources): Record<string, string> {
  const file = fileFor('--secret', name, secret)
  const source = file === undefined ? env : readEnvFile(file)
  const missing = keys.find((key) => (source[key] ?? '') === '')
  if (missing !== undefined) {
    throw new LlmbatchError(
      'SecretNotFound',
      file === undefined
        ? `Secret ${name} of ${field}: neither --secret ${name}=ENVFILE is given nor is ${missing} set in the environment`
        : `${file}, given by --secret ${name}=${file}, has no line ${missing}=…`,
    )
  }
  return Object.fromEntries([...keys, ...optionalKeys].flatMap((key) => ((source[key] ?? '') === '' ? [] : [[key, source[key] ?? '']])))
}

/** The file that `--config-map NAME=FILE` gives for a ConfigMap. Throws ConfigMapNotFound. */
export function configMapFile(name: string, field: string, { configMap }: LocalSources): string {
  const file = fileFor('--config-map', name, configMap)
  if (file === undefined) throw new LlmbatchError('ConfigMapNotFound', `ConfigMap ${name} of ${field}: --config-map ${name}=FILE is not given`)
  return file
}

/** The last one counts. */
function fileFor(option: keyof typeof CODES, name: string, values: readonly string[]): string | undefined {
  return values.map((value) => parseNamedFile(option, value)).findLast((candidate) => candidate.name === name)?.file
}

function parseNamedFile(option: keyof typeof CODES, value: string): NamedFile {
  const at = value.indexOf('=')
  if (at < 1 || at === value.length - 1) throw new LlmbatchError(CODES[option], `${option} ${value} is not NAME=${option === '--secret' ? 'ENVFILE' : 'FILE'}`)
  return { name: value.slice(0, at), file: value.slice(at + 1) }
}

function readEnvFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new LlmbatchError('SecretNotFound', `${path}, given by --secret, cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
