/** Test harness: runs bin/llmbatch as a real process. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../bin/llmbatch', import.meta.url))

export interface CliEnd {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliProcess {
  readonly pid: number | undefined
  readonly ended: Promise<CliEnd>
  /** Resolves with what was written when it matches; rejects when the process ends first. */
  printed(pattern: RegExp): Promise<string>
  kill(signal: NodeJS.Signals): void
}

/** Starts the command line with exactly this environment beside PATH and HOME, and this on its standard input. */
export function startCli(args: readonly string[], env: Readonly<Record<string, string>> = {}, bin: string = BIN, input?: Uint8Array): CliProcess {
  const child = spawn(bin, args, { env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  // Without input it reads an end of file at once, as with `</dev/null`.
  child.stdin.end(input)
  let stdout = ''
  let stderr = ''
  const waiters = new Set<() => void>()
  const tell = (): void => {
    for (const waiter of waiters) waiter()
  }
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
    tell()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
    tell()
  })
  const ended = new Promise<CliEnd>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  return {
    pid: child.pid,
    ended,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(stdout + stderr)) return
          waiters.delete(look)
          resolve(stdout + stderr)
        }
        waiters.add(look)
        ended.then((end) => reject(new Error(`ended with ${end.code} before it printed ${String(pattern)}:\n${end.stdout}${end.stderr}`)), reject)
        look()
      }),
    kill: (signal) => void child.kill(signal),
  }
}

/** Runs the command line to its end. */
export function runCli(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CliEnd> {
  return startCli(args, env).ended
}

/** Starts `llmbatch simulate` on a state folder; `args` are further options. Its caller ends it with SIGTERM. */
export async function startSimulator(state: string, ...args: string[]): Promise<{ readonly simulator: CliProcess; readonly url: string }> {
  const simulator = startCli(['simulate', '--state', state, ...args])
  const url = /listens on (\S+)/.exec(await simulator.printed(/Ctrl-C/))?.[1]
  if (url === undefined) throw new Error('the simulator does not say where it listens')
  return { simulator, url }
}
