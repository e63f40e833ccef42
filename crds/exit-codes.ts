/**
 * Exit codes of a runner. One table for Pods (podFailurePolicy) and for local processes.
 * 134 (SIGABRT: V8 heap out of memory), 137 (SIGKILL: the kernel's OOM killer) and 139 (SIGSEGV) are the memory class.
 */
export const EXIT = {
  /** Done or waiting; the outcome says which. */
  ok: 0,
  /** The job is wrong; another try cannot help. Fails the job. */
  config: 64,
  /** A bug in llmbatch. Counted against the shard. */
  bug: 70,
  /** A fault that may pass. Counted against the shard. */
  transient: 75,
  /** Credentials were refused. Fails the job. */
  auth: 77,
  /** Stopped by SIGTERM or because the parent went away. Not counted. */
  stopped: 143,
} as const

export type ExitClass = 'Ok' | 'FailJob' | 'Memory' | 'Stopped' | 'Counted'

/** What an exit code means for the wave, in the order of the Job's podFailurePolicy. */
export function exitClass(code: number): ExitClass {
  switch (code) {
    case EXIT.ok:
      return 'Ok'
    case EXIT.stopped:
      return 'Stopped'
    case EXIT.config:
    case EXIT.auth:
      return 'FailJob'
    case 134:
    case 137:
    case 139:
      return 'Memory'
    default:
      return 'Counted'
  }
}
