import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process, told apart from a later one that was given the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** When it started, in the system's own words: compared for equality only. */
  readonly startTime: string
}

const STARTTIME_FIELD = 22

function startTimeOf(pid: number): string | null {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      // Fields are counted behind the command, which is in parentheses and may hold anything; the state comes third.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      // A zombie has ended: only its parent has not noticed.
      return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[STARTTIME_FIELD - 3] ?? null)
    } catch (error) {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null
      throw error
    }
  }
  try {
    const env = { ...process.env, LC_ALL: 'C' }
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    return started === '' ? null : started
  } catch (error) {
    // ps exits with 1 when there is no such process.
    if (error instanceof Error && 'status' in error && error.status === 1) return null
    throw error
  }
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  const startTime = startTimeOf(process.pid)
  if (startTime === null) throw new Error(`the start time of process ${process.pid} cannot be read`)
  return { pid: process.pid, startTime }
}

/** Whether the process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startTime
}

/** Reads an identity out of parsed JSON; null when there is none. */
export function parseIdentity(value: unknown): ProcessIdentity | null {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTime' in value)) return null
  const { pid, startTime } = value
  return typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 0 && typeof startTime === 'string' ? { pid, startTime } : null
}
