import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Resident memory of a process, bytes. */
export interface ResidentMemory {
  readonly current: number
  /** The most it ever was; where the system does not keep that, the same as `current`. */
  readonly peak: number
}

/** Reads a process's resident memory: /proc on Linux, `ps` elsewhere. Null when the process is gone. */
export async function residentMemory(pid: number): Promise<ResidentMemory | null> {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
}

async function fromProc(pid: number): Promise<ResidentMemory | null> {
  let text: string
  try {
    text = await readFile(`/proc/${pid}/status`, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null
    throw error
  }
  const field = (name: string): number | undefined => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)
    return match === null ? undefined : Number(match[1]) * 1024
  }
  const current = field('VmRSS')
  // A process that has ended but was not reaped yet has no memory lines.
  return current === undefined ? null : { current, peak: field('VmHWM') ?? current }
}

async function fromPs(pid: number): Promise<ResidentMemory | null> {
  try {
    const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)])
    const kib = Number(stdout.trim())
    return kib > 0 ? { current: kib * 1024, peak: kib * 1024 } : null
  } catch (error) {
    // ps ends with 1 when there is no such process.
    if (error instanceof Error && 'code' in error && error.code === 1) return null
    throw error
  }
}
