import { fork, type ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { messageOf } from '../../crds/errors.ts'
import { EXIT } from '../../crds/exit-codes.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'
import type { RunnerProgress } from '../../crds/progress.ts'
import { exitCodeOf } from './exit-status.ts'
import { heapFlags } from './heap-limit.ts'
import { readOutcome } from './outcome-file.ts'
import { residentMemory } from './resident-memory.ts'
import { TextTail } from './text-tail.ts'

/** Kept of what a runner writes to stdout and stderr, in bytes. */
const LOG_TAIL_BYTES = 4_096
/** A runner that somebody killed above this share of its limit is taken to have run out of memory. */
const NEAR_LIMIT = 0.9

export interface RunnerProcessOptions {
  readonly runnerPath: string
  /** The whole environment of the process, LLMBATCH_OUTCOME_PATH included. */
  readonly env: Readonly<Record<string, string>>
  readonly outcomePath: string
  readonly memoryBytes: number
  /** How often resident memory is read, milliseconds. */
  readonly memoryIntervalMs: number
  readonly onProgress: (progress: RunnerProgress) => void
  /** Told of each new peak, bytes. */
  readonly onPeak: (rssBytes: number) => void
}

/** How one try of a runner ended. */
export interface RunnerEnd {
  readonly exitCode: number
  readonly outcome?: Outcome
  /** Why there is no outcome. */
  readonly problem?: string
  readonly rssBytes?: number
  /** The end of what it wrote to stdout and stderr. */
  readonly logTail: string
}

/**
 * One try of one runner as a child process, with a heap limit, its resident memory watched and an IPC channel. The child is
 * not detached: when this process dies, the channel closes and the runner ends itself.
 */
export class RunnerProcess {
  /** How it ended. Never rejects: what goes wrong around the process counts as a failure of it. */
  readonly ended: Promise<RunnerEnd>
  readonly #options: RunnerProcessOptions
  readonly #tail = new TextTail(LOG_TAIL_BYTES)
  #child: ChildProcess | undefined
  #peak = 0
  #outOfMemory = false
  #stopping = false
  #hasEnded = false

  private constructor(options: RunnerProcessOptions) {
    this.#options = options
    this.ended = this.#run().catch((error: unknown): RunnerEnd => ({ exitCode: EXIT.bug, logTail: messageOf(error) }))
  }

  static start(options: RunnerProcessOptions): RunnerProcess {
    return new RunnerProcess(options)
  }

  /** Undefined until it runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Asks the process to end with SIGTERM; after `graceMs` it is killed. Resolves when it has ended. */
  async stop(graceMs: number): Promise<RunnerEnd> {
    this.#stopping = true
    this.#child?.kill('SIGTERM')
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), graceMs)
    try {
      return await this.ended
    } finally {
      clearTimeout(timer)
    }
  }

  async #run(): Promise<RunnerEnd> {
    const { outcomePath } = this.#options
    // An outcome of an earlier try must not be taken for this one's.
    await rm(outcomePath, { force: true })
    const end = this.#stopping ? { code: EXIT.stopped, signal: null } : await this.#runChild()
    this.#hasEnded = true
    const killedNearLimit = end.signal === 'SIGKILL' && !this.#stopping && this.#peak >= this.#options.memoryBytes * NEAR_LIMIT
    const killedWhileStopping = end.signal === 'SIGKILL' && this.#stopping
    const exitCode = killedWhileStopping ? EXIT.stopped : exitCodeOf({ ...end, outOfMemory: this.#outOfMemory || killedNearLimit })
    const reading = await readOutcome(outcomePath)
    return { exitCode, ...reading, ...(this.#peak === 0 ? {} : { rssBytes: this.#peak }), logTail: this.#tail.toString() }
  }

  async #runChild(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const { runnerPath, env, memoryBytes, memoryIntervalMs } = this.#options
    const child = fork(runnerPath, [], {
      env,
      execArgv: heapFlags(memoryBytes),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#child = child
    child.stdout?.on('data', (chunk: Buffer) => this.#tail.push(chunk))
    child.stderr?.on('data', (chunk: Buffer) => this.#tail.push(chunk))
    child.on('message', (message) => {
      if (isProgress(message)) this.#options.onProgress(message)
    })
    const watch = setInterval(() => void this.#watchMemory(), memoryIntervalMs)
    try {
      return await new Promise((resolve) => {
        let failure: Error | undefined
        child.once('error', (error) => {
          failure = error
          this.#tail.push(Buffer.from(`${messageOf(error)}\n`))
          // A process that could not be started never closes.
          if (child.pid === undefined) resolve({ code: EXIT.bug, signal: null })
        })
        child.once('close', (code, signal) => resolve({ code: code ?? (failure === undefined ? null : EXIT.bug), signal }))
      })
    } finally {
      clearInterval(watch)
    }
  }

  async #watchMemory(): Promise<void> {
    const pid = this.#child?.pid
    if (pid === undefined || this.#hasEnded) return
    try {
      const memory = await residentMemory(pid)
      if (memory === null) return
      if (memory.peak > this.#peak) {
        this.#peak = memory.peak
        this.#options.onPeak(memory.peak)
      }
      // The peak counts, not the moment: a Pod would have been killed at it.
      if (memory.peak > this.#options.memoryBytes && this.#child?.exitCode === null && this.#child.signalCode === null) {
        this.#outOfMemory = true
        this.#child.kill('SIGKILL')
      }
    } catch (error) {
      this.#tail.push(Buffer.from(`resident memory cannot be read: ${messageOf(error)}\n`))
    }
  }
}

function isProgress(message: unknown): message is RunnerProgress {
  return typeof message === 'object' && message !== null && 'mode' in message && 'activity' in message && typeof message.activity === 'string'
}
