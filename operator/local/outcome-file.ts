import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { messageOf } from '../../crds/errors.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'

/** Longest outcome that is read, in bytes: as much as the kubelet keeps of a termination message. */
export const OUTCOME_BYTES = 4_096

const ajv = new Ajv({ allErrors: false })
addFormats.default(ajv)
const validate: ValidateFunction<Outcome> = ajv.compile<Outcome>(
  JSON.parse(readFileSync(new URL('../../crds/schemas/outcome.schema.json', import.meta.url), 'utf8')) as object,
)

/** An outcome, or why there is none. */
export type OutcomeReading = { readonly outcome: Outcome } | { readonly problem: string }

/** Reads what a runner left at LLMBATCH_OUTCOME_PATH. Whatever is wrong with it makes it a problem, never an error: the outcome is lost then. */
export async function readOutcome(path: string): Promise<OutcomeReading> {
  try {
    return parseOutcome(await readStart(path, OUTCOME_BYTES + 1))
  } catch (error) {
    return { problem: `the outcome cannot be read: ${messageOf(error)}` }
  }
}

/** Checks an outcome against its schema. */
export function parseOutcome(bytes: Uint8Array): OutcomeReading {
  if (bytes.length > OUTCOME_BYTES) return { problem: `the outcome is over ${OUTCOME_BYTES} bytes` }
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    return { problem: `the outcome is not JSON: ${messageOf(error)}` }
  }
  return validate(value) ? { outcome: value } : { problem: `the outcome does not fit its schema: ${ajv.errorsText(validate.errors, { dataVar: 'outcome' })}` }
}

async function readStart(path: string, bytes: number): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const buffer = new Uint8Array(bytes)
    let length = 0
    while (length < bytes) {
      const { bytesRead } = await file.read(buffer, length, bytes - length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return buffer.subarray(0, length)
  } finally {
    await file.close()
  }
}
