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

/** Longest message in an outcome, in characters: its schema's. */
const MESSAGE_LIMIT = 1024

/** Runs a mode to its end. Errors become a failed outcome with a code of the catalogue. */
export async function runMode(parts: Parts, input: RunnerInput): Promise<RunnerEnd> {
  try {
    return { outcome: await MODES[input.mode](parts, input), exitCode: EXIT.ok }
  } catch (error) {
    const known = asLlmbatchError(error)
    return { outcome: failedOutcome(input.mode, known), exitCode: known.exitCode }
  }
}

/** The outcome of a mode that ended with an error. */
export function failedOutcome(mode: Outcome['mode'], error: LlmbatchError): Outcome {
  return { schemaVersion: 1, mode, result: 'failed', reason: error.code, message: error.message.slice(0, MESSAGE_LIMIT) }
}

/** Gives every error its code: storage faults may pass, anything unknown is a bug. */
export function asLlmbatchError(error: unknown): LlmbatchError {
  if (error instanceof LlmbatchError) return error
  if (error instanceof StorageError) return new LlmbatchError('StorageUnavailable', error.message, { cause: error })
  return new LlmbatchError('InternalError', messageOf(error), { cause: error })
}
