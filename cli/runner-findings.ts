import { LlmbatchError } from '../crds/errors.ts'
import { quantityBytes } from '../operator/core/quantity.ts'
import type { Finding } from './findings.ts'
import { fieldsAt, type PartialSpec } from './partial-spec.ts'

/** A runner holds about 100 MiB before it has read a row; with less than this it never starts work. */
const LEAST_MEMORY_MIB = 96

/** What is wrong with spec.runner, beyond its schema. */
export function runnerFindings(spec: PartialSpec): Finding[] {
  const { memory } = fieldsAt(spec, 'runner')
  if (typeof memory !== 'string' && typeof memory !== 'number') return []
  const bytes = bytesOf(memory)
  if (bytes === null || bytes >= LEAST_MEMORY_MIB * 2 ** 20) return []
  const unit = /^\d+$/.test(String(memory)) && Number(memory) >= LEAST_MEMORY_MIB ? `${String(memory)}Mi` : '256Mi'
  const shown = bytes < 2 ** 20 ? `${bytes} bytes` : `${Math.floor(bytes / 2 ** 20)} MiB`
  return [{ path: ['spec', 'runner', 'memory'], problem: `is ${shown}, in which no runner starts`, instead: `write ${unit}; ${LEAST_MEMORY_MIB}Mi is the least, and 256Mi the default` }]
}

/** Null for what the schema refuses. */
function bytesOf(quantity: string | number): number | null {
  try {
    return quantityBytes(quantity, 'spec.runner.memory')
  } catch (error) {
    if (error instanceof LlmbatchError) return null
    throw error
  }
}
