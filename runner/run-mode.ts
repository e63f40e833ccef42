import { LlmbatchError, messageOf } from '../crds/errors.ts'
import { EXIT } from '../crds/exit-codes.ts'
import type { Outcome } from '../crds/generated/outcome.ts'
import type { RunnerInput } from '../crds/runner-environment.ts'
import { advance } from './advance/advance.ts'
import { merge } from './merge/merge.ts'
import type { Parts, RunMode } from './mode.ts'
import { plan } from './plan/plan-mode.ts'
import { scout } from './scout/scout.ts'
import { StorageError } from './storage/storage.ts'

/** How a runner ends: what it says, and its exit code. */
export interface RunnerEnd {
  readonly outcome: Outcome
  readonly exitCode: number
}

const MODES: Readonly<Record<Outcome['mode'], RunMode>> = { plan, advance, scout, merge }

/** Largest outcome, in bytes: the kubelet keeps the last 4,096 of a termination message. */
export const OUTCOME_LIMIT = 3_900
/** Longest message in an outcome, in characters: its schema's. */
const MESSAGE_LIMIT = 1024

/** Runs a mode to its end. Errors become a failed outcome with a code of the catalogue. */
export async function runMode(parts: Parts, input: RunnerInput): Promise<RunnerEnd> {
  try {
    return { outcome: fitOutcome(await MODES[input.mode](parts, input)), exitCode: EXIT.ok }
  } catch (error) {
    const known = asLlmbatchError(error)
    return { outcome: failedOutcome(input.mode, known), exitCode: exitCodeOf(input.mode, known) }
  }
}

/** A host name that is not known when a job is planned is a misspelt one; later it is more likely a name server's fault that passes. */
function exitCodeOf(mode: Outcome['mode'], error: LlmbatchError): number {
  return mode === 'plan' && error.code === 'StorageHostNotFound' ? EXIT.config : error.exitCode
}

/** An outcome of at most OUTCOME_LIMIT bytes: its sets have bounds of their own, its message gives way. */
export function fitOutcome(outcome: Outcome): Outcome {
  const { message } = outcome
  if (message === undefined || Buffer.byteLength(JSON.stringify(outcome)) <= OUTCOME_LIMIT) return outcome
  return fitOutcome({ ...outcome, message: message.slice(0, Math.floor(message.length * 0.8)).toWellFormed() })
}

/** The outcome of a mode that ended with an error. */
export function failedOutcome(mode: Outcome['mode'], error: LlmbatchError): Outcome {
  return fitOutcome({ schemaVersion: 1, mode, result: 'failed', reason: error.code, message: error.message.slice(0, MESSAGE_LIMIT) })
}

/** Gives every error its code: storage faults may pass, anything unknown is a bug. */
export function asLlmbatchError(error: unknown): LlmbatchError {
  if (error instanceof LlmbatchError) return error
  if (error instanceof StorageError) return new LlmbatchError(error.code, error.message, { cause: error })
  return new LlmbatchError('InternalError', messageOf(error), { cause: error })
}
