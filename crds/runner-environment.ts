import { gunzipSync, gzipSync } from 'node:zlib'
import { canonicalJson } from './digest.ts'
import { LlmbatchError, messageOf } from './errors.ts'
import type { LlmBatchJobSpec } from './generated/llmbatchjob.ts'
import type { Outcome } from './generated/outcome.ts'
import type { IntervalSet } from './interval-set.ts'
import { decodeWireSet, encodeWireSet } from './wire-set.ts'

/** Largest LLMBATCH_SPEC, in characters. */
export const SPEC_LIMIT = 96 * 1024

/** What a wave gives each of its runners. */
export interface RunnerInput {
  readonly mode: Outcome['mode']
  readonly job: { readonly namespace: string; readonly name: string; readonly uid: string }
  /** With defaults applied and every URI absolute. */
  readonly spec: LlmBatchJobSpec
  /** The plan object and its digest; absent in the plan mode. */
  readonly plan?: { readonly uri: string; readonly digest: string }
  /** The wave's set; scout and merge leave it empty. */
  readonly set: IntervalSet
  /** Which member of the set this runner is. */
  readonly index: number
}

/** The environment of a wave's runners, without JOB_COMPLETION_INDEX and LLMBATCH_OUTCOME_PATH. Throws SpecTooLarge. */
export function encodeRunnerEnvironment(input: Omit<RunnerInput, 'index'>): Record<string, string> {
  const spec = gzipSync(canonicalJson(input.spec), { level: 9 }).toString('base64')
  if (spec.length > SPEC_LIMIT) throw new LlmbatchError('SpecTooLarge', `the spec takes ${spec.length} characters compressed; the limit is ${SPEC_LIMIT}`)
  return {
    LLMBATCH_MODE: input.mode,
    LLMBATCH_JOB: `${input.job.namespace}/${input.job.name}/${input.job.uid}`,
    LLMBATCH_SPEC: spec,
    ...(input.plan === undefined ? {} : { LLMBATCH_PLAN: `${input.plan.uri}#${input.plan.digest}` }),
    LLMBATCH_SET: encodeWireSet(input.set, 'exact'),
  }
}

/** Reads what encodeRunnerEnvironment wrote, and JOB_COMPLETION_INDEX. Throws InternalError naming the variable that is missing or wrong. */
export function decodeRunnerEnvironment(env: Readonly<Record<string, string | undefined>>): RunnerInput {
  const need = (name: string): string => {
    const value = env[name]
    if (value === undefined) throw new LlmbatchError('InternalError', `environment variable ${name} is not set`)
    return value
  }
  const mode = need('LLMBATCH_MODE')
  if (mode !== 'plan' && mode !== 'advance' && mode !== 'scout' && mode !== 'merge') throw new LlmbatchError('InternalError', `LLMBATCH_MODE is ${JSON.stringify(mode)}`)
  const [namespace, name, uid, ...rest] = need('LLMBATCH_JOB').split('/')
  if (namespace === undefined || name === undefined || uid === undefined || rest.length > 0) throw new LlmbatchError('InternalError', 'LLMBATCH_JOB is not namespace/name/uid')
  const reference = env['LLMBATCH_PLAN']
  const hash = reference?.lastIndexOf('#') ?? -1
  if (reference !== undefined && hash < 1) throw new LlmbatchError('InternalError', 'LLMBATCH_PLAN is not uri#digest')
  const index = env['JOB_COMPLETION_INDEX'] ?? '0'
  if (!/^\d{1,9}$/.test(index)) throw new LlmbatchError('InternalError', `JOB_COMPLETION_INDEX is ${JSON.stringify(index)}`)
  return {
    mode,
    job: { namespace, name, uid },
    // The operator encoded a spec that it had checked against the CRD.
    spec: readable('LLMBATCH_SPEC', () => JSON.parse(gunzipSync(Buffer.from(need('LLMBATCH_SPEC'), 'base64')).toString('utf8')) as LlmBatchJobSpec),
    ...(reference === undefined ? {} : { plan: { uri: reference.slice(0, hash), digest: reference.slice(hash + 1) } }),
    set: readable('LLMBATCH_SET', () => decodeWireSet(need('LLMBATCH_SET'))),
    index: Number(index),
  }
}

function readable<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof LlmbatchError) throw error
    throw new LlmbatchError('InternalError', `${name} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

/** The shard of an advance runner: the index-th member of its wave's set. */
export function shardOf(input: Pick<RunnerInput, 'set' | 'index'>): number {
  let at = 0
  for (const { from, to } of input.set.intervals()) {
    if (input.index < at + to - from) return from + input.index - at
    at += to - from
  }
  throw new LlmbatchError('InternalError', `completion index ${input.index} is outside the wave's set of ${at}`)
}
