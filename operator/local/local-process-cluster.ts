import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EXIT } from '../../crds/exit-codes.ts'
import type { LlmBatchJobSpec, LlmBatchJobStatus } from '../../crds/generated/llmbatchjob.ts'
import type { RunnerProgress } from '../../crds/progress.ts'
import { StatusConflict, type Cluster, type ClusterEvent, type JobRef, type Mode, type Observed, type WaveRequest } from '../cluster.ts'
import { failedOutcome } from './failed-outcome.ts'
import { Listeners } from './listeners.ts'
import { LocalWave, type LocalMember } from './local-wave.ts'
import { nextStep } from './retry-policy.ts'
import { RunnerProcess, type RunnerEnd } from './runner-process.ts'

export interface LocalProcessOptions {
  /** The one job of this cluster. */
  readonly job: JobRef
  /** With defaults applied and every URI absolute. */
  readonly spec: LlmBatchJobSpec
  /** Environment of every runner beside the wave's own variables: credentials, proxy settings. Nothing else is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** Default: runner/main.ts of this package. */
  readonly runnerPath?: string
  /** Delay before the first retry of a member; it doubles with each. Default: 250. */
  readonly retryBaseMs?: number
  /** What a runner gets between SIGTERM and SIGKILL. Default: 10,000. */
  readonly graceMs?: number
  /** How often a runner's resident memory is read. Default: 250. */
  readonly memoryIntervalMs?: number
}

/** Which member of which wave. */
export interface MemberRef {
  readonly wave: string
  readonly mode: Mode
  readonly index: number
  readonly shard?: number
}

/** A runner at work, as a user interface shows it. */
export interface LiveMember extends MemberRef {
  readonly pid?: number
  readonly rssBytes?: number
}

/**
 * The maker of Cluster that runs each member as a child process of this one. A wave behaves as an Indexed Job does: members start in index order, counted
 * failures are tried again, the memory class fails the index, a wrong job or wrong credentials fail the wave, a stopped runner is started again.
 * spec.runner.parallelism holds for all waves together; later waves come first. The status is kept in memory only.
 */
export class LocalProcessCluster implements Cluster {
  readonly #options: Required<LocalProcessOptions>
  readonly #folder: string
  readonly #waves = new Map<string, LocalWave>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #changes = new Listeners<[]>()
  readonly #progress = new Listeners<[MemberRef, RunnerProgress]>()
  readonly #events = new Listeners<[ClusterEvent]>()
  #status: LlmBatchJobStatus = {}
  #version = 0
  #closed = false

  private constructor(options: Required<LocalProcessOptions>, folder: string) {
    this.#options = options
    this.#folder = folder
  }

  /** Makes the folder for outcomes under the system's temporary folder. `close` removes it. */
  static async open(options: LocalProcessOptions): Promise<LocalProcessCluster> {
    const defaults = { runnerPath: fileURLToPath(new URL('../../runner/main.ts', import.meta.url)), retryBaseMs: 250, graceMs: 10_000, memoryIntervalMs: 250 }
    return new LocalProcessCluster({ ...defaults, ...options }, await mkdtemp(join(tmpdir(), 'llmbatch-run-')))
  }

  /** Calls back when a member starts, ends or is to be tried again, or a wave goes. Returns the way to stop that. */
  onChange(listener: () => void): () => void {
    return this.#changes.add(listener)
  }

  /** Calls back with what runners at work report. For display only. */
  onProgress(listener: (member: MemberRef, progress: RunnerProgress) => void): () => void {
    return this.#progress.add(listener)
  }

  /** Calls back with the job's events. */
  onEvent(listener: (event: ClusterEvent) => void): () => void {
    return this.#events.add(listener)
  }

  /** The status last recorded. */
  get status(): LlmBatchJobStatus {
    return this.#status
  }

  /** Runners at work, with their peak resident memory so far. */
  live(): LiveMember[] {
    return [...this.#waves.values()].flatMap((wave) =>
      wave.running.map((member) => ({
        ...memberRef(wave, member),
        ...(member.process?.pid === undefined ? {} : { pid: member.process.pid }),
        ...(member.rssBytes === undefined ? {} : { rssBytes: member.rssBytes }),
      })),
    )
  }

  async observe(job: JobRef): Promise<Observed | null> {
    if (job.uid !== this.#options.job.uid) return null
    return {
      job: this.#options.job,
      generation: 1,
      spec: this.#options.spec,
      status: this.#status,
      resourceVersion: String(this.#version),
      waves: [...this.#waves.values()].map((wave) => wave.view()),
      room: null,
    }
  }

  async startWave(job: JobRef, request: WaveRequest): Promise<void> {
    if (this.#closed || job.uid !== this.#options.job.uid || this.#waves.has(request.name)) return
    this.#waves.set(request.name, new LocalWave(request, this.#options.job, this.#options.spec))
    this.#startMembers()
  }

  async setParallelism(_job: JobRef, name: string, parallelism: number): Promise<void> {
    const wave = this.#waves.get(name)
    if (wave === undefined) return
    wave.parallelism = parallelism
    this.#startMembers()
  }

  async release(_job: JobRef, name: string, indexes: readonly number[]): Promise<void> {
    for (const index of indexes) {
      const member = this.#waves.get(name)?.members[index]
      if (member === undefined || (member.phase !== 'Succeeded' && member.phase !== 'Failed')) continue
      member.phase = 'Released'
      delete member.outcome
    }
  }

  /** Resolves when the wave's processes have ended. */
  async stopWave(_job: JobRef, name: string): Promise<void> {
    const wave = this.#waves.get(name)
    if (wave === undefined) return
    await this.#stopMembers(wave)
    this.#waves.delete(name)
    this.#startMembers()
    this.#changes.call()
  }

  async recordStatus(_job: JobRef, status: LlmBatchJobStatus, resourceVersion: string): Promise<string> {
    if (resourceVersion !== String(this.#version)) throw new StatusConflict()
    this.#status = structuredClone(status)
    this.#version++
    return String(this.#version)
  }

  async emit(_job: JobRef, event: ClusterEvent): Promise<void> {
    this.#events.call(event)
  }

  /** Stops every runner, SIGTERM first and SIGKILL after the grace, and removes the folder. Nothing is started any more. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    await Promise.all([...this.#waves.values()].map((wave) => this.#stopMembers(wave)))
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #stopMembers(wave: LocalWave): Promise<void> {
    wave.stopped = true
    await Promise.all(wave.running.flatMap(({ process }) => (process === undefined ? [] : [process.stop(this.#options.graceMs)])))
  }

  /** Starts members while there is room in spec.runner.parallelism: later waves first, each in index order. */
  #startMembers(): void {
    const waves = [...this.#waves.values()].sort((a, b) => b.number - a.number)
    let free = this.#options.spec.runner.parallelism - waves.reduce((sum, wave) => sum + wave.running.length, 0)
    for (const wave of waves) {
      for (let member = wave.nextToStart(); member !== undefined && free > 0 && !this.#closed; member = wave.nextToStart()) {
        free--
        this.#start(wave, member)
      }
    }
  }

  #start(wave: LocalWave, member: LocalMember): void {
    const outcomePath = join(this.#folder, `${wave.request.name}-${member.index}.json`)
    const runner = RunnerProcess.start({
      runnerPath: this.#options.runnerPath,
      env: { ...this.#options.env, ...wave.env, JOB_COMPLETION_INDEX: String(member.index), LLMBATCH_OUTCOME_PATH: outcomePath },
      outcomePath,
      memoryBytes: wave.request.memoryBytes,
      memoryIntervalMs: this.#options.memoryIntervalMs,
      onProgress: (progress) => this.#progress.call(memberRef(wave, member), progress),
      onPeak: (rssBytes) => {
        member.rssBytes = Math.max(member.rssBytes ?? 0, rssBytes)
      },
    })
    member.phase = 'Running'
    member.process = runner
    this.#changes.call()
    void runner.ended.then((end) => this.#settle(wave, member, end))
  }

  #settle(wave: LocalWave, member: LocalMember, end: RunnerEnd): void {
    delete member.process
    member.exitCode = end.exitCode
    delete member.outcome
    const step = nextStep(end.exitCode, member.failures, this.#options.retryBaseMs)
    switch (step.kind) {
      case 'Succeed':
        member.phase = 'Succeeded'
        if (end.outcome !== undefined) member.outcome = end.outcome
        if (end.problem !== undefined) this.#warn(wave, member, 'OutcomeUnreadable', end.problem)
        break
      case 'Fail':
      case 'FailWave': {
        member.phase = 'Failed'
        const outcome = end.outcome ?? failedOutcome(wave.request.mode, member.shard, end)
        if (outcome !== undefined) member.outcome = outcome
        if (step.kind === 'FailWave') this.#failWave(wave)
        break
      }
      case 'Retry':
        member.phase = 'Pending'
        member.failures = step.failures
        if (!wave.stopped) this.#retryLater(wave, member, step.delayMs, end)
        break
    }
    this.#startMembers()
    this.#changes.call()
  }

  #retryLater(wave: LocalWave, member: LocalMember, delayMs: number, end: RunnerEnd): void {
    const said = end.outcome?.message ?? end.logTail
    if (end.exitCode !== EXIT.stopped) {
      this.#warn(wave, member, 'RunnerRetried', `ended with exit code ${end.exitCode} and is tried again in ${delayMs} ms${said === '' ? '' : `: ${said}`}`)
    }
    member.backingOff = true
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      member.backingOff = false
      this.#startMembers()
    }, delayMs)
    this.#timers.add(timer)
  }

  /** The wave's other members end as a failed Job's do: stopped if at work, never started else. */
  #failWave(wave: LocalWave): void {
    void this.#stopMembers(wave).then(() => {
      for (const member of wave.members) {
        if (member.phase !== 'Pending') continue
        member.phase = 'Failed'
        member.exitCode = EXIT.stopped
      }
      this.#changes.call()
    })
  }

  #warn(wave: LocalWave, member: LocalMember, reason: string, message: string): void {
    this.#events.call({ type: 'Warning', reason, message: `${wave.request.name} index ${member.index}: ${message}` })
  }
}

function memberRef(wave: LocalWave, { index, shard }: LocalMember): MemberRef {
  return { wave: wave.request.name, mode: wave.request.mode, index, ...(shard === undefined ? {} : { shard }) }
}
