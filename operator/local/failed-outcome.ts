import { exitClass } from '../../crds/exit-codes.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'
import type { Mode } from '../cluster.ts'
import type { RunnerEnd } from './runner-process.ts'

/** Longest message of an outcome, in characters, as its schema allows. */
const MESSAGE_LENGTH = 1_024

/**
 * The outcome of a runner that failed for good without leaving one: the end of what it wrote, as a Pod's FallbackToLogsOnError shows it. None for
 * the memory class, whose reason the exit code tells.
 */
export function failedOutcome(mode: Mode, shard: number | undefined, end: RunnerEnd): Outcome | undefined {
  if (exitClass(end.exitCode) === 'Memory') return undefined
  const ended = `the ${mode} runner ended with exit code ${end.exitCode} and without an outcome`
  const room = MESSAGE_LENGTH - ended.length - 3
  return {
    schemaVersion: 1,
    mode,
    ...(shard === undefined ? {} : { shard }),
    result: 'failed',
    reason: 'RunnerFailed',
    message: end.logTail === '' ? ended : `${ended}: ${end.logTail.slice(-room)}`,
  }
}
