import type { Outcome } from '../crds/generated/outcome.ts'
import type { LlmBatchJobSpec, LlmBatchJobStatus } from '../crds/generated/llmbatchjob.ts'
import type { IntervalSet } from '../crds/interval-set.ts'

/** Names a job: what LLMBATCH_JOB carries. */
export interface JobRef {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export type Mode = Outcome['mode']

/**
 * - Pending: not started, or between two tries.
 * - Running: a process or Pod is at work.
 * - Succeeded: ended with exit code 0; `outcome` says done, waiting or failed.
 * - Failed: ended for good, after the tries that its exit code allows.
 * - Released: ended, recorded in an acknowledged status, and removed.
 */
export type MemberPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Released'

/** One completion index of a wave. */
export interface Member {
  /** Place in the wave's set: the k-th member of the set has index k. */
  readonly index: number
  readonly phase: MemberPhase
  readonly exitCode?: number
  readonly outcome?: Outcome
  /** Peak resident memory, bytes. */
  readonly rssBytes?: number
}

/** A wave as the cluster shows it. plan, scout and merge waves have the one-member set {0}. */
export interface Wave {
  readonly name: string
  readonly mode: Mode
  readonly set: IntervalSet
  readonly parallelism: number
  readonly members: readonly Member[]
}

/** Everything the operator knows of one job at one moment. */
export interface Observed {
  readonly job: JobRef
  readonly generation: number
  readonly spec: LlmBatchJobSpec
  readonly status: LlmBatchJobStatus
  readonly resourceVersion: string
  readonly waves: readonly Wave[]
  /** Pods that still fit the quota; null when unbounded. */
  readonly room: number | null
  /** The server's words when Pods are refused. */
  readonly refusal?: string
}

export interface WaveRequest {
  readonly name: string
  readonly mode: Mode
  readonly set: IntervalSet
  /** Plan reference `uri#digest`; absent for the plan mode. */
  readonly plan?: string
  readonly parallelism: number
  /** Memory limit of one member, bytes. */
  readonly memoryBytes: number
}

export interface ClusterEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** Where Pods live, in our words. Makers: local processes, the simulation, Kubernetes. Every call is idempotent by name. */
export interface Cluster {
  /** Null when the job is gone. */
  observe(job: JobRef): Promise<Observed | null>
  /** A wave of that name that exists is left as it is. */
  startWave(job: JobRef, wave: WaveRequest): Promise<void>
  setParallelism(job: JobRef, name: string, parallelism: number): Promise<void>
  /** Removes ended members whose outcome is in an acknowledged status. */
  release(job: JobRef, name: string, indexes: readonly number[]): Promise<void>
  /** Stops a wave's members and removes it. */
  stopWave(job: JobRef, name: string): Promise<void>
  /** Writes the status; returns the new resourceVersion. Throws `StatusConflict` when resourceVersion is not the current one. */
  recordStatus(job: JobRef, status: LlmBatchJobStatus, resourceVersion: string): Promise<string>
  emit(job: JobRef, event: ClusterEvent): Promise<void>
}

/** The resource changed since it was observed: observe again. */
export class StatusConflict extends Error {
  constructor() {
    super('the resource changed since it was observed')
    this.name = 'StatusConflict'
  }
}
