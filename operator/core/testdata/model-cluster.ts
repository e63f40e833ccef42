import type { LlmBatchJobStatus } from '../../../crds/generated/llmbatchjob.ts'
import type { Outcome } from '../../../crds/generated/outcome.ts'
import { IntervalSet } from '../../../crds/interval-set.ts'
import { encodeWireSet } from '../../../crds/wire-set.ts'
import { StatusConflict, type Cluster, type ClusterEvent, type JobRef, type Member, type Observed, type Wave, type WaveRequest } from '../../cluster.ts'
import { formatTime } from '../../../crds/rfc3339.ts'
import { JOB, NOW, SPEC } from './example.ts'

/** What a shard's runners will do, whatever the schedule. */
export type Fate = 'Done' | 'OutOfMemory' | 'Bug'

/** The truth in storage about one shard. */
interface ShardTruth {
  readonly fate: Fate
  readonly chunks: number
  committed: number
  /** Open batch until then; milliseconds. */
  openUntil: number
  seq: number
}

/** 0 <= x < 1, the next one of a seeded sequence. */
export type Draw = () => number

/** mulberry32. */
export function seededDraw(seed: number): Draw {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * A cluster in memory whose runners end when `endSomeMember` is called, in an order and with losses that `draw` chooses. While `faults` is true any call may fail
 * before or after it took effect. It records each breach of the rules that hold at every step.
 */
export class ModelCluster implements Cluster {
  now = NOW
  faults = true
  /** Names may be used again after a status was lost. */
  uniqueNames = true
  status: LlmBatchJobStatus = {}
  readonly breaches: string[] = []
  readonly events: ClusterEvent[] = []
  readonly shards: ShardTruth[]
  readonly #draw: Draw
  readonly #names = new Set<string>()
  readonly #waves = new Map<string, { request: WaveRequest; members: Member[] }>()
  #version = 0
  #lies: number

  constructor(fates: readonly Fate[], draw: Draw, lies = 0) {
    this.#draw = draw
    this.#lies = lies
    this.shards = fates.map((fate, i) => ({ fate, chunks: 1 + (i % 3), committed: 0, openUntil: 0, seq: 0 }))
  }

  get waves(): Wave[] {
    return [...this.#waves.values()].map(({ request, members }) => ({ ...request, members: this.#shuffled(members) }))
  }

  async observe(): Promise<Observed> {
    return { job: JOB, generation: 1, spec: SPEC, status: this.status, resourceVersion: String(this.#version), waves: this.#shuffled(this.waves), room: null }
  }

  async startWave(_job: JobRef, request: WaveRequest): Promise<void> {
    this.#call(() => {
      if (this.#waves.has(request.name)) return
      if (this.uniqueNames && this.#names.has(request.name)) this.breaches.push(`name ${request.name} was used before`)
      this.#names.add(request.name)
      const open = [...this.#waves.values()].filter(({ members }) => members.some(isOpen))
      if (open.length >= 4) this.breaches.push('a fifth wave')
      for (const other of open) {
        const shards = [...other.request.set]
        const atWork = IntervalSet.of(other.members.filter((member) => member.phase !== 'Released').map(({ index }) => shards[index] ?? 0))
        if (request.mode === 'advance' && other.request.mode === 'advance' && !request.set.intersect(atWork).isEmpty) this.breaches.push('a shard in two waves')
      }
      this.#waves.set(request.name, { request, members: [...request.set].map((_, index) => ({ index, phase: 'Pending' })) })
    })
  }

  async setParallelism(): Promise<void> {
    this.#call(() => undefined)
  }

  async release(_job: JobRef, name: string, indexes: readonly number[]): Promise<void> {
    this.#call(() => {
      const wave = this.#waves.get(name)
      if (wave !== undefined) wave.members = wave.members.map((member) => (indexes.includes(member.index) ? { index: member.index, phase: 'Released' } : member))
    })
  }

  async stopWave(_job: JobRef, name: string): Promise<void> {
    this.#call(() => this.#waves.delete(name))
  }

  async recordStatus(_job: JobRef, status: LlmBatchJobStatus, resourceVersion: string): Promise<string> {
    if (this.faults && this.#draw() < 0.05) this.#version++
    if (resourceVersion !== String(this.#version)) throw new StatusConflict()
    this.#call(() => {
      this.status = structuredClone(status)
      this.#version++
    })
    this.#checkSets()
    return String(this.#version)
  }

  async emit(_job: JobRef, event: ClusterEvent): Promise<void> {
    this.events.push(event)
  }

  /** Puts the status back to an earlier one, or to none. */
  loseStatus(to: LlmBatchJobStatus): void {
    this.uniqueNames = false
    this.status = to
    this.#version++
  }

  /** Ends one member that has not ended; false when there is none. */
  endSomeMember(): boolean {
    const open = [...this.#waves.values()].flatMap((wave) => wave.members.filter(isOpen).map((member) => ({ wave, member })))
    const chosen = open[Math.floor(this.#draw() * open.length)]
    if (chosen === undefined) return false
    const { wave, member } = chosen
    const shard = [...wave.request.set][member.index] ?? 0
    const end = wave.request.mode === 'advance' ? this.#advance(shard) : this.#endMode(wave.request.mode)
    const lost = this.faults && end.exitCode === 0 && this.#draw() < 0.2
    const ended: Member = { index: member.index, phase: end.exitCode === 0 ? 'Succeeded' : 'Failed', exitCode: end.exitCode, ...(lost || end.outcome === undefined ? {} : { outcome: end.outcome }) }
    wave.members = wave.members.map((each) => (each.index === member.index ? ended : each))
    return true
  }

  #advance(shard: number): { exitCode: number; outcome?: Outcome } {
    const truth = this.shards[shard]
    if (truth === undefined) return { exitCode: 64 }
    truth.seq++
    if (truth.openUntil <= this.now && truth.committed < truth.chunks) {
      // Bad shards fail at their last chunk.
      if (truth.openUntil > 0 && truth.committed === truth.chunks - 1 && truth.fate !== 'Done') return { exitCode: truth.fate === 'OutOfMemory' ? 137 : 70 }
      if (truth.openUntil > 0) truth.committed++
      truth.openUntil = this.now + 1_000 + Math.floor(this.#draw() * 20_000)
    }
    const done = truth.committed === truth.chunks
    const base = { schemaVersion: 1, mode: 'advance', shard, chunks: IntervalSet.range(0, truth.committed).toString(), epoch: 1, seq: truth.seq, ...totals([truth]) } as const
    return { exitCode: 0, outcome: done ? { ...base, result: 'done' } : { ...base, result: 'waiting', nextPollTime: formatTime(truth.openUntil) } }
  }

  #endMode(mode: 'plan' | 'scout' | 'merge'): { exitCode: number; outcome?: Outcome } {
    const done = this.shards.filter(isDone)
    const doneSet = IntervalSet.of(this.shards.flatMap((truth, shard) => (isDone(truth) ? [shard] : [])))
    const report = { done: encodeWireSet(doneSet, 'subset'), doneChunks: done.reduce((sum, { chunks }) => sum + chunks, 0), ...totals(done) }
    const open = this.shards.filter((truth) => !isDone(truth) && truth.openUntil > this.now)
    if (mode === 'plan') return { exitCode: 0, outcome: { schemaVersion: 1, mode, result: 'done', plan: this.#plan(), ...report } }
    if (mode === 'scout') {
      const wake = IntervalSet.of(this.shards.flatMap((truth, shard) => (!isDone(truth) && truth.openUntil <= this.now ? [shard] : [])))
      const poll = open.length === 0 ? {} : { nextPollTime: formatTime(Math.min(...open.map(({ openUntil }) => openUntil))) }
      return { exitCode: 0, outcome: { schemaVersion: 1, mode, result: open.length === 0 ? 'done' : 'waiting', wake: wake.toString(), ...poll, ...report } }
    }
    const missing = IntervalSet.range(0, this.shards.length).subtract(doneSet)
    const wake = this.#lies-- > 0 ? IntervalSet.range(0, 2) : missing
    if (!wake.isEmpty) return { exitCode: 75, outcome: { schemaVersion: 1, mode, result: 'failed', reason: 'Incomplete', wake: wake.toString() } }
    const output = { uri: SPEC.output.uri, files: 1, rows: this.#plan().rows, digest: 'sha256:o' }
    return { exitCode: 0, outcome: { schemaVersion: 1, mode, result: 'done', output, ...totals(this.shards) } }
  }

  #plan(): NonNullable<Outcome['plan']> {
    const chunks = this.shards.reduce((sum, shard) => sum + shard.chunks, 0)
    return { digest: 'sha256:p', uri: 's3://catalog/.llmbatch/plan', files: 1, chunks, shards: this.shards.length, rows: chunks * 10 }
  }

  #checkSets(): void {
    const [completed, failed, waiting] = [this.status.completedShards, this.status.failedShards, this.status.waitingShards].map((text) => IntervalSet.parse(text ?? ''))
    if (completed === undefined || failed === undefined || waiting === undefined) return
    if (completed.size + failed.size + waiting.size !== completed.union(failed).union(waiting).size) this.breaches.push('a shard in two sets')
    for (const shard of completed) if (this.shards[shard]?.committed !== this.shards[shard]?.chunks) this.breaches.push(`shard ${shard} is not done`)
    if ((this.status.rows?.done ?? 0) > (this.status.rows?.total ?? 0)) this.breaches.push('more rows done than there are')
    if ((this.status.chunks?.committed ?? 0) > (this.status.chunks?.total ?? 0)) this.breaches.push('more chunks committed than there are')
  }

  #call(effect: () => void): void {
    const fault = this.faults ? this.#draw() : 1
    if (fault < 0.05) throw new Error('the call was lost')
    effect()
    if (fault < 0.1) throw new Error('the answer was lost')
  }

  #shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, at: this.#draw() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item)
  }
}

function isOpen({ phase }: Member): boolean {
  return phase === 'Pending' || phase === 'Running'
}

function isDone({ committed, chunks }: ShardTruth): boolean {
  return committed === chunks
}

function totals(shards: readonly ShardTruth[]): Pick<Outcome, 'rows' | 'tokens' | 'cost'> & object {
  const chunks = shards.reduce((sum, shard) => sum + shard.chunks, 0)
  return { rows: { total: chunks * 10, succeeded: chunks * 9, failed: chunks }, tokens: { input: chunks * 100, output: chunks * 50 }, cost: `${chunks * 2}` }
}
