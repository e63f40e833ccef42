import { IntervalSet } from '../../crds/interval-set.ts'
import type { Member, Mode, Observed, Wave } from '../cluster.ts'
import { verdictOf, type MemberFailure, type Verdict } from './member-verdict.ts'
import { waveNumber } from './wave-name.ts'

/** A member that ended and is not recorded yet, with where it ran. */
export interface Finding<V extends Verdict = Verdict> {
  readonly wave: string
  readonly waveNumber: number
  readonly mode: Mode
  readonly index: number
  readonly shard?: number
  readonly verdict: V
}

/** What the waves of one observation tell, whatever order they and their members come in. */
export interface Evidence {
  /** Shards with a member at work, or to be, in an advance wave. */
  readonly busy: IntervalSet
  /** The word that counts for each shard with ended members. */
  readonly shards: ReadonlyMap<number, Finding>
  /** The word that counts of ended plan, scout and merge members. */
  readonly modes: { readonly plan?: Finding; readonly scout?: Finding; readonly merge?: Finding }
  /** Every member that failed for good, ascending by wave number and index. */
  readonly failures: readonly Finding<MemberFailure>[]
  /** Members whose outcome is lost. */
  readonly lost: readonly Finding[]
  readonly highestWave: number
}

/** Gathers what the members of all waves tell. Linear in members. */
export function gatherEvidence(observed: Pick<Observed, 'waves' | 'spec'>): Evidence {
  const memory = observed.spec.runner.memory
  const waves = [...observed.waves].sort((a, b) => waveNumber(a) - waveNumber(b) || (a.name < b.name ? -1 : 1))
  const busy: number[] = []
  const shards = new Map<number, Finding>()
  const modes: { plan?: Finding; scout?: Finding; merge?: Finding } = {}
  const failures: Finding<MemberFailure>[] = []
  const lost: Finding[] = []
  for (const wave of waves) {
    for (const { shard, member } of membersByShard(wave)) {
      const advance = wave.mode === 'advance'
      const verdict = verdictOf(member, { mode: wave.mode, memory, ...(advance ? { shard } : {}) })
      if (verdict.kind === 'Recorded') continue
      if (verdict.kind === 'Busy') {
        if (advance) busy.push(shard)
        continue
      }
      const finding = { wave: wave.name, waveNumber: waveNumber(wave), mode: wave.mode, index: member.index, ...(advance ? { shard } : {}), verdict }
      if (verdict.kind === 'Failed') failures.push({ ...finding, verdict })
      if (verdict.kind === 'Lost') lost.push(finding)
      if (wave.mode === 'advance') shards.set(shard, weightier(shards.get(shard), finding))
      else modes[wave.mode] = weightier(modes[wave.mode], finding)
    }
  }
  return { busy: IntervalSet.of(busy), shards, modes, failures, lost, highestWave: waves.reduce((highest, wave) => Math.max(highest, waveNumber(wave)), 0) }
}

/** Each shard of a wave with its member. A member that the cluster does not list has not started. */
export function membersByShard(wave: Wave): { shard: number; member: Member }[] {
  const byIndex = new Map(wave.members.map((member) => [member.index, member]))
  return [...wave.set].map((shard, index) => ({ shard, member: byIndex.get(index) ?? { index, phase: 'Pending' } }))
}

/** Whether any member of the wave is at work or will be. */
export function isUnfinished(wave: Wave): boolean {
  return membersByShard(wave).some(({ member }) => member.phase === 'Pending' || member.phase === 'Running')
}

/** Waves of a mode that are unfinished. */
export function unfinished(observed: Pick<Observed, 'waves'>, mode: Mode): Wave[] {
  return observed.waves.filter((wave) => wave.mode === mode && isUnfinished(wave))
}

/** The word that counts of two about the same work: done before all, then the ledger's later version, then the later wave. */
function weightier(a: Finding | undefined, b: Finding): Finding {
  if (a === undefined) return b
  const doneFirst = Number(b.verdict.kind === 'Done') - Number(a.verdict.kind === 'Done')
  if (doneFirst !== 0) return doneFirst > 0 ? b : a
  return versionOrder(a.verdict, b.verdict) > 0 ? a : b
}

/** Above 0 when a's ledger version is the later one; 0 when one of them names no version. */
function versionOrder(a: Verdict, b: Verdict): number {
  const [left, right] = [a, b].map((verdict) => ('outcome' in verdict ? verdict.outcome : undefined))
  if (left?.epoch === undefined || right?.epoch === undefined) return 0
  return left.epoch - right.epoch || (left.seq ?? 0) - (right.seq ?? 0)
}
