import { EXIT } from '../../crds/exit-codes.ts'
import type { LlmBatchJobSpec, LlmBatchJobStatus } from '../../crds/generated/llmbatchjob.ts'
import { decodeRunnerEnvironment, encodeRunnerEnvironment } from '../../crds/runner-environment.ts'
import { StatusConflict, type ClusterEvent, type JobRef, type Member, type Observed, type WaveRequest } from '../../operator/cluster.ts'
import { nextStep } from '../../operator/local/retry-policy.ts'
import type { WatchableCluster } from '../../operator/local/run-job.ts'
import type { RunnerEnd } from '../../runner/run-mode.ts'
import type { SimProcess } from './sim-process.ts'
import type { VirtualTime } from './virtual-time.ts'

/** Wait before a member that failed is started again, milliseconds; doubles. */
const BACKOFF_MS = 500

interface SimMember {
  readonly index: number
  phase: Member['phase']
  failures: number
  process?: SimProcess
  exitCode?: number
  outcome?: Member['outcome']
}

interface SimWave {
  readonly request: WaveRequest
  parallelism: number
  readonly members: SimMember[]
}

/** What a simulated cluster is made of. */
export interface SimClusterParts {
  readonly time: VirtualTime
  readonly spec: LlmBatchJobSpec
  /** The operator's own process: each of its calls can be its last. */
  readonly operator: SimProcess
  /** Starts a runner's process. */
  readonly spawn: (name: string) => SimProcess
  /** Runs a runner in a process until it ends; never settles when the process is killed. */
  readonly run: (process: SimProcess, input: ReturnType<typeof decodeRunnerEnvironment>) => Promise<RunnerEnd>
}

/** A cluster in one process and in virtual time: waves as Indexed Jobs, runners as simulated processes. Status is kept in memory, as in a local run. */
export class SimCluster implements WatchableCluster {
  readonly #parts: SimClusterParts
  readonly #waves = new Map<string, SimWave>()
  readonly #listeners = new Set<() => void>()
  #status: LlmBatchJobStatus = {}
  #version = 1
  #spawned = 0

  constructor(parts: SimClusterParts) {
    this.#parts = parts
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Kills every process of this run, the operator's first. */
  kill(): void {
    this.#parts.operator.kill()
    for (const wave of this.#waves.values()) for (const member of wave.members) member.process?.kill()
  }

  observe(job: JobRef): Promise<Observed | null> {
    return this.#parts.operator.call('observe', async () => ({
      job,
      generation: 1,
      spec: this.#parts.spec,
      status: structuredClone(this.#status),
      resourceVersion: String(this.#version),
      waves: [...this.#waves.values()].map(({ request, parallelism, members }) => ({
        name: request.name,
        mode: request.mode,
        set: request.set,
        parallelism,
        members: members.map(({ index, phase, exitCode, outcome }) => ({
          index,
          phase,
          ...(exitCode === undefined ? {} : { exitCode }),
          ...(outcome === undefined ? {} : { outcome }),
        })),
      })),
      room: null,
    }))
  }

  startWave(job: JobRef, request: WaveRequest): Promise<void> {
    return this.#parts.operator.call(`startWave ${request.name} ${request.set.toString()}`, async () => {
      if (this.#waves.has(request.name)) return
      const members = Array.from({ length: request.set.size }, (_, index): SimMember => ({ index, phase: 'Pending', failures: 0 }))
      this.#waves.set(request.name, { request, parallelism: request.parallelism, members })
      this.#fill(job)
    })
  }

  setParallelism(job: JobRef, name: string, parallelism: number): Promise<void> {
    return this.#parts.operator.call(`setParallelism ${name}`, async () => {
      const wave = this.#waves.get(name)
      if (wave !== undefined) wave.parallelism = parallelism
      this.#fill(job)
    })
  }

  release(_job: JobRef, name: string, indexes: readonly number[]): Promise<void> {
    return this.#parts.operator.call(`release ${name}`, async () => {
      for (const member of this.#waves.get(name)?.members ?? []) {
        if (!indexes.includes(member.index)) continue
        member.phase = 'Released'
        delete member.outcome
      }
    })
  }

  stopWave(_job: JobRef, name: string): Promise<void> {
    return this.#parts.operator.call(`stopWave ${name}`, async () => {
      for (const member of this.#waves.get(name)?.members ?? []) member.process?.kill()
      this.#waves.delete(name)
    })
  }

  recordStatus(_job: JobRef, status: LlmBatchJobStatus, resourceVersion: string): Promise<string> {
    return this.#parts.operator.call('recordStatus', async () => {
      if (resourceVersion !== String(this.#version)) throw new StatusConflict()
      this.#status = structuredClone(status)
      this.#version++
      return String(this.#version)
    })
  }

  emit(_job: JobRef, event: ClusterEvent): Promise<void> {
    return this.#parts.operator.call(`emit ${event.reason}`, async () => undefined)
  }

  #fill(job: JobRef): void {
    for (const wave of this.#waves.values()) {
      let live = wave.members.filter((member) => member.phase === 'Running').length
      for (const member of wave.members) {
        if (live >= wave.parallelism) break
        if (member.phase !== 'Pending' || member.process !== undefined) continue
        live++
        this.#start(job, wave, member)
      }
    }
  }

  #start(job: JobRef, wave: SimWave, member: SimMember): void {
    const process = this.#parts.spawn(`${wave.request.mode}-${++this.#spawned}`)
    member.phase = 'Running'
    member.process = process
    const { mode, set, plan } = wave.request
    const hash = plan?.lastIndexOf('#') ?? -1
    const env = encodeRunnerEnvironment({
      mode,
      job,
      spec: this.#parts.spec,
      set,
      ...(plan === undefined ? {} : { plan: { uri: plan.slice(0, hash), digest: plan.slice(hash + 1) } }),
    })
    const ended = this.#parts.run(process, decodeRunnerEnvironment({ ...env, JOB_COMPLETION_INDEX: String(member.index) }))
    // Killed from outside: counted, as the local maker does.
    const killed = process.killed.then((): { exitCode: number; outcome?: Member['outcome'] } => ({ exitCode: EXIT.bug }))
    void Promise.race([ended, killed]).then((end) => this.#ended(job, wave, member, end))
  }

  #ended(job: JobRef, wave: SimWave, member: SimMember, end: { readonly exitCode: number; readonly outcome?: Member['outcome'] }): void {
    delete member.process
    if (!this.#waves.has(wave.request.name) || this.#parts.operator.dead) return
    const step = nextStep(end.exitCode, member.failures, BACKOFF_MS)
    if (step.kind === 'Retry') {
      member.failures = step.failures
      member.phase = 'Pending'
      void this.#parts.time.sleep(step.delayMs).then(() => this.#fill(job))
      return
    }
    member.exitCode = end.exitCode
    if (end.outcome !== undefined) member.outcome = end.outcome
    member.phase = step.kind === 'Succeed' ? 'Succeeded' : 'Failed'
    this.#fill(job)
    for (const listener of this.#listeners) listener()
  }
}
