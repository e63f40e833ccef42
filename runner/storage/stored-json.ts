import { canonicalJson } from '../../crds/digest.ts'
import { LlmbatchError } from '../../crds/errors.ts'

/** The bytes of an object that holds JSON. */
export function encodeJson(value: unknown): Uint8Array {
  return Buffer.from(canonicalJson(value), 'utf8')
}

/** Newest schemaVersion that this release reads and writes. */
const SCHEMA_VERSION = 1

/**
 * Reads an object that this project wrote under a checked key. Throws VersionSkew when a newer release wrote it, LedgerLost when it is not
 * what was written.
 */
export function decodeJson<T extends { readonly schemaVersion: 1 }>(uri: string, bytes: Uint8Array): T {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (error) {
    throw new LlmbatchError('LedgerLost', `${uri} is damaged: it is not JSON`, { cause: error })
  }
  const version = typeof value === 'object' && value !== null && 'schemaVersion' in value ? value.schemaVersion : undefined
  if (typeof version === 'number' && version > SCHEMA_VERSION) throw new LlmbatchError('VersionSkew', `${uri} has schemaVersion ${version}; this release reads up to ${SCHEMA_VERSION}`)
  if (version !== SCHEMA_VERSION) throw new LlmbatchError('LedgerLost', `${uri} is damaged: it has no schemaVersion`)
  return value as T
}
