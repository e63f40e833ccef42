import { constants } from 'node:os'
import { EXIT } from '../../crds/exit-codes.ts'

/** How a child process ended. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Killed here for its memory, or close to its limit when somebody killed it. */
  readonly outOfMemory: boolean
}

/**
 * The exit code that a Pod would have shown. A signal is 128 + its number, with two exceptions: SIGKILL is 137, the memory class, only when memory was
 * the cause, as here that is known; any other SIGKILL is a fault that may pass (75). SIGINT and SIGHUP come from the user's terminal and stop like SIGTERM (143).
 */
export function exitCodeOf({ code, signal, outOfMemory }: ProcessEnd): number {
  if (outOfMemory) return 128 + constants.signals.SIGKILL
  if (signal === null) return code ?? EXIT.bug
  switch (signal) {
    case 'SIGKILL':
      return EXIT.transient
    case 'SIGINT':
    case 'SIGHUP':
    case 'SIGTERM':
      return EXIT.stopped
    default:
      return 128 + constants.signals[signal]
  }
}
