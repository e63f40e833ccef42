import { encodeRunnerEnvironment } from '../../crds/runner-environment.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import type { JobRef, Member, MemberPhase, Wave, WaveRequest } from '../cluster.ts'
import { waveNumber } from '../core/wave-name.ts'
import type { RunnerProcess } from './runner-process.ts'

/** A member of a wave with what its tries left. */
export interface LocalMember {
  readonly index: number
  /** The shard of an advance wave's member. */
  readonly shard?: number
  phase: MemberPhase
  /** Counted failures so far. */
  failures: number
  /** Between two tries. */
  backingOff: boolean
  exitCode?: number
  outcome?: Outcome
  rssBytes?: number
  process?: RunnerProcess
}

/** A wave of child processes. It only keeps the books; the cluster starts and ends processes. */
export class LocalWave {
  readonly request: WaveRequest
  readonly members: readonly LocalMember[]
  /** What every runner of the wave gets. */
  readonly env: Readonly<Record<string, string>>
  /** Changed by setParallelism. */
  parallelism: number
  /** No member is started any more. */
  stopped = false

  /** Throws SpecTooLarge. */
  constructor(request: WaveRequest, job: JobRef, spec: LlmBatchJobSpec) {
    this.request = request
    this.parallelism = request.parallelism
    const advance = request.mode === 'advance'
    this.members = [...request.set].map((shard, index) => ({ index, ...(advance ? { shard } : {}), phase: 'Pending', failures: 0, backingOff: false }))
    const hash = request.plan?.lastIndexOf('#') ?? -1
    this.env = encodeRunnerEnvironment({
      mode: request.mode,
      job,
      spec,
      ...(request.plan === undefined ? {} : { plan: { uri: request.plan.slice(0, hash), digest: request.plan.slice(hash + 1) } }),
      set: advance ? request.set : IntervalSet.EMPTY,
    })
  }

  get number(): number {
    return waveNumber(this.request)
  }

  /** Members with a process. */
  get running(): LocalMember[] {
    return this.members.filter((member) => member.process !== undefined)
  }

  /** The member to start next, if the wave's own parallelism allows one: the lowest index that is pending and not backing off. */
  nextToStart(): LocalMember | undefined {
    if (this.stopped || this.running.length >= this.parallelism) return undefined
    return this.members.find((member) => member.phase === 'Pending' && !member.backingOff)
  }

  /** The wave as the seam shows it. */
  view(): Wave {
    const { name, mode, set } = this.request
    return { name, mode, set, parallelism: this.parallelism, members: this.members.map(viewMember) }
  }
}

/** A member as the seam shows it. */
export function viewMember({ index, phase, exitCode, outcome, rssBytes }: LocalMember): Member {
  const ended = phase === 'Succeeded' || phase === 'Failed'
  return {
    index,
    phase,
    ...(ended && exitCode !== undefined ? { exitCode } : {}),
    ...(ended && outcome !== undefined ? { outcome } : {}),
    ...(rssBytes === undefined ? {} : { rssBytes }),
  }
}
