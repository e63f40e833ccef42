import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type FolderLock, tryLock } from './folder-lock.ts'
import { isAlive } from './process-identity.ts'
import { readAddress } from './serve.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const POLL_MS = 50
const ANSWER_MS = 5000

export interface DetachedOptions {
  /** The simulator ends when no request came for so long. Default 120; 0: never. */
  readonly idleExitSeconds?: number
  /** Behaviour of a simulator that has to be started: a file, or JSON. Default: answers well, in about a second. */
  readonly behaviour?: string
  /** How long to wait for it. Default 30. */
  readonly startSeconds?: number
}

function logFile(stateFolder: string): string {
  return join(stateFolder, 'simulator.log')
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/simulator/state`, { signal: AbortSignal.timeout(ANSWER_MS) })
    const state: unknown = await response.json()
    return response.ok && typeof state === 'object' && state !== null && 'identity' in state
  } catch (error) {
    // A dead address shows as one of these: refused or reset, not HTTP or not JSON, or silence.
    if (error instanceof TypeError || error instanceof SyntaxError || (error instanceof DOMException && error.name === 'TimeoutError')) return false
    throw error
  }
}

async function findRunning(stateFolder: string): Promise<string | null> {
  const address = await readAddress(stateFolder)
  return address !== null && isAlive(address.process) && (await answers(address.url)) ? address.url : null
}

async function startOne(stateFolder: string, options: DetachedOptions, deadline: number): Promise<string> {
  const log = logFile(stateFolder)
  const args = [MAIN, '--state', stateFolder, '--idle-exit-seconds', String(options.idleExitSeconds ?? 120)]
  if (options.behaviour !== undefined) args.push('--behaviour', options.behaviour)
  const output = openSync(log, 'a')
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', output, output] })
  closeSync(output)
  let end: string | null = null
  child.once('error', (error) => (end = error.message))
  child.once('exit', (code, signal) => (end = `it ended with ${signal ?? `exit code ${code}`}`))
  child.unref()
  while (end === null && performance.now() < deadline) {
    const running = await findRunning(stateFolder)
    if (running !== null) return running
    await sleep(POLL_MS)
  }
  if (end === null) child.kill('SIGKILL')
  throw new Error(`the simulator did not start: ${end ?? 'it did not answer in time'}; its log is ${log}`)
}

/**
 * Finds the simulator of a state folder, or starts one as a process of its own that outlives the caller. There is one per
 * folder, however many callers come at once. Throws an Error that names the log when it does not start.
 */
export async function ensureSimulator(stateFolder: string, options: DetachedOptions = {}): Promise<{ url: string }> {
  const folder = resolve(stateFolder)
  await mkdir(folder, { recursive: true })
  const deadline = performance.now() + (options.startSeconds ?? 30) * 1000
  let lock: FolderLock | null = null
  try {
    for (;;) {
      const running = await findRunning(folder)
      if (running !== null) return { url: running }
      if (lock !== null) return { url: await startOne(folder, options, deadline) }
      const tried = await tryLock(folder, 'start-lock')
      // With the lock in hand it looks once more: the former holder may just have started one.
      if (!('holder' in tried)) lock = tried
      else if (performance.now() < deadline) await sleep(POLL_MS)
      else throw new Error(`the simulator of ${folder} did not start: process ${tried.holder.pid} has been starting it for too long; its log is ${logFile(folder)}`)
    }
  } finally {
    await lock?.release()
  }
}
