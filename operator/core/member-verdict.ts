import { ERROR_CATALOGUE, isErrorCode } from '../../crds/errors.ts'
import { EXIT, exitClass } from '../../crds/exit-codes.ts'
import type { Outcome } from '../../crds/generated/outcome.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { decodeWireSet } from '../../crds/wire-set.ts'
import type { Member, Mode } from '../cluster.ts'

/**
 * What one member of a wave tells.
 * - Busy: at work, or will be.
 * - Recorded: its outcome is in an acknowledged status.
 * - Done, Waiting: it ended and said so.
 * - Lost: it ended without an outcome that can be read; what it did is unknown, so its work is run again.
 * - Failed: it ended for good without being done. `failsJob`: no other runner can do better.
 */
export type Verdict =
  | { readonly kind: 'Busy' }
  | { readonly kind: 'Recorded' }
  | { readonly kind: 'Done'; readonly outcome: Outcome }
  | { readonly kind: 'Waiting'; readonly outcome: Outcome }
  | { readonly kind: 'Lost' }
  | MemberFailure

export interface MemberFailure {
  readonly kind: 'Failed'
  readonly failsJob: boolean
  readonly reason: string
  readonly message: string
  readonly exitCode?: number
  readonly outcome?: Outcome
}

/** What the wave says about a member's work. `shard` is that of an advance wave's member; `memory` is spec.runner.memory, for messages. */
export interface MemberContext {
  readonly mode: Mode
  readonly shard?: number
  readonly memory: string | number
}

/** Judges a member by its phase first, then its outcome, then its exit code. Success is never inferred from an exit code. */
export function verdictOf(member: Member, context: MemberContext): Verdict {
  switch (member.phase) {
    case 'Pending':
    case 'Running':
      return { kind: 'Busy' }
    case 'Released':
      return { kind: 'Recorded' }
    case 'Succeeded':
    case 'Failed':
      return endedVerdict(member, context)
  }
}

function endedVerdict(member: Member, context: MemberContext): Verdict {
  const outcome = member.outcome !== undefined && fits(member.outcome, context) ? member.outcome : undefined
  if (outcome?.result === 'done') return { kind: 'Done', outcome }
  const code = member.exitCode ?? (member.phase === 'Succeeded' ? EXIT.ok : EXIT.bug)
  switch (exitClass(code)) {
    case 'Ok':
      if (outcome === undefined) return { kind: 'Lost' }
      return outcome.result === 'waiting' ? { kind: 'Waiting', outcome } : saidFailure(outcome, code, undefined)
    case 'Stopped':
      return { kind: 'Lost' }
    case 'FailJob':
      return saidFailure(outcome, code, true)
    case 'Counted':
      return saidFailure(outcome, code, false)
    case 'Memory':
      return { kind: 'Failed', failsJob: false, reason: 'RunnerOutOfMemory', message: memoryMessage(member, context, code), exitCode: code }
  }
}

/** A failure in the runner's own words if it left any. `failsJob` undefined: the reason's entry in the catalogue decides. */
function saidFailure(outcome: Outcome | undefined, code: number, failsJob: boolean | undefined): MemberFailure {
  if (outcome?.result !== 'failed') {
    return { kind: 'Failed', failsJob: failsJob ?? false, reason: 'RunnerFailed', message: `the runner ended with exit code ${code} and without an outcome`, exitCode: code }
  }
  const { reason = '', message = '' } = outcome
  const known = isErrorCode(reason)
  return {
    kind: 'Failed',
    failsJob: failsJob ?? (known && exitClass(ERROR_CATALOGUE[reason].exitCode) === 'FailJob'),
    reason: known ? reason : 'RunnerFailed',
    message: known || reason === '' ? message : `${reason}: ${message}`,
    exitCode: code,
    outcome,
  }
}

function memoryMessage(member: Member, { mode, shard, memory }: MemberContext, code: number): string {
  const who = shard === undefined ? `the ${mode} runner` : `the runner of shard ${shard}`
  const peak = member.rssBytes === undefined ? '' : ` after it had reached ${Math.round(member.rssBytes / 2 ** 20)} MiB`
  return `${who} ran out of memory (exit code ${code})${peak}; spec.runner.memory is ${memory}`
}

/** Whether an outcome is of this member's work and holds what its mode must say; one that does not counts as lost. */
function fits(outcome: Outcome, { mode, shard }: MemberContext): boolean {
  if (outcome.mode !== mode || (outcome.cost !== undefined && !/^(-|\d+(\.\d+)?)$/.test(outcome.cost))) return false
  const { chunks, done, wake } = outcome
  if (!reads((text) => IntervalSet.parse(text), chunks) || !reads(decodeWireSet, done) || !reads(decodeWireSet, wake)) return false
  if (mode === 'advance' && outcome.shard !== undefined && outcome.shard !== shard) return false
  if (outcome.result !== 'done') return true
  switch (mode) {
    case 'plan':
      return outcome.plan !== undefined
    case 'advance':
      return outcome.shard !== undefined && outcome.rows !== undefined && chunks !== undefined
    case 'merge':
      return outcome.rows !== undefined && outcome.output !== undefined
    case 'scout':
      return true
  }
}

function reads(parse: (text: string) => IntervalSet, text: string | undefined): boolean {
  if (text === undefined) return true
  try {
    parse(text)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
