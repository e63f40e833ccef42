import { parseCallPattern } from './call-pattern.ts'

/** A duration in seconds: fixed, or drawn for each batch from [least, most]. */
export type SecondsRange = number | readonly [least: number, most: number]

/** Share of the rows, 0 to 1, that each come to such an end; the rest succeed. Which rows is a function of seed and custom_id. */
export interface RowFractions {
  /** Never executed: `batch_expired` in the error file, not billed. A batch with such a row runs until its window ends. */
  readonly expired: number
  /** 500 in the error file, not billed. */
  readonly serverError: number
  /** 400 in the error file, not billed. */
  readonly invalidRequest: number
  /** 200 with `message.refusal`, billed. */
  readonly refused: number
  /** 200 with half an answer and finish_reason `length`, billed. */
  readonly truncated: number
}

/**
 * One scripted fault. With `status` the call is answered by that error; with `lateSeconds` (`POST /v1/batches` only) the
 * connection is reset and the create takes effect so much later, if its input file is still there; with neither the
 * connection is reset, after half of the body when the answer is a file's content and `when` is `after`.
 */
export interface Fault {
  /** Method and path, `{id}` standing for any one segment: `GET /v1/files/{id}/content`. */
  readonly call: string
  /** Which of these calls, from 1, counted since the simulator's process started. */
  readonly n: number
  /** Before or after the call took effect. */
  readonly when: 'before' | 'after'
  readonly status: number | null
  readonly lateSeconds: number | null
}

/** How the simulator behaves. Batches keep what was in force when they were made. */
export interface Behaviour {
  /** Seed of every draw. */
  readonly seed: string
  readonly validatingSeconds: SecondsRange
  readonly inProgressSeconds: SecondsRange
  readonly finalizingSeconds: SecondsRange
  /** From the cancel to `cancelled`. */
  readonly cancellingSeconds: SecondsRange
  /** From creation to expiry. OpenAI's is 24 hours; rows that are made to expire wait for it. */
  readonly windowSeconds: number
  /** How long a batch shows its terminal status before it shows its file ids. */
  readonly outputFileLagSeconds: number
  /** Batches younger than this are missing from lists. */
  readonly listLagSeconds: number
  readonly rows: RowFractions
  /** Only the first so many batches of a state have rows that end otherwise than well; null: all. */
  readonly unluckyBatches: number | null
  /** API key → organization that it belongs to, which sees its own files and batches only. Null: any key, one organization. */
  readonly apiKeys: Readonly<Record<string, string>> | null
  readonly faults: readonly Fault[]
}

/** A batch takes about a second; nothing goes wrong. */
export const DEFAULT_BEHAVIOUR: Behaviour = {
  seed: 'llmbatch',
  validatingSeconds: [0.05, 0.15],
  inProgressSeconds: [0.3, 0.9],
  finalizingSeconds: [0.05, 0.15],
  cancellingSeconds: 0.2,
  windowSeconds: 86_400,
  outputFileLagSeconds: 0,
  listLagSeconds: 0,
  rows: { expired: 0, serverError: 0, invalidRequest: 0, refused: 0, truncated: 0 },
  unluckyBatches: null,
  apiKeys: null,
  faults: [],
}

type Json = Readonly<Record<string, unknown>>

function fail(field: string, expected: string): never {
  throw new Error(`behaviour: ${field} must be ${expected}`)
}

function objectAt(field: string, value: unknown, known: readonly string[] | null): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(field, 'an object')
  const entries = Object.entries(value)
  for (const [key] of entries) if (known !== null && !known.includes(key)) throw new Error(`behaviour: ${field} has no field ${key}; it has ${known.join(', ')}`)
  return Object.fromEntries(entries)
}

function numberAt(field: string, value: unknown, fallback: number, maximum = Number.MAX_SAFE_INTEGER): number {
  if (value === undefined) return fallback
  return typeof value === 'number' && value >= 0 && value <= maximum ? value : fail(field, `a number from 0 to ${maximum}`)
}

function countAt(field: string, value: unknown, least: number): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least ? value : fail(field, `an integer of at least ${least}`)
}

function rangeAt(field: string, value: unknown, fallback: SecondsRange): SecondsRange {
  if (value === undefined) return fallback
  if (!Array.isArray(value)) return numberAt(field, value, 0)
  if (value.length !== 2) return fail(field, 'a number of seconds or [least, most]')
  const [least, most] = [numberAt(`${field}[0]`, value[0], 0), numberAt(`${field}[1]`, value[1], 0)]
  return least <= most ? [least, most] : fail(field, '[least, most] in that order')
}

function rowsAt(value: unknown): RowFractions {
  const rows = objectAt('rows', value ?? {}, Object.keys(DEFAULT_BEHAVIOUR.rows))
  const share = (kind: keyof RowFractions): number => numberAt(`rows.${kind}`, rows[kind], DEFAULT_BEHAVIOUR.rows[kind], 1)
  const parsed: RowFractions = {
    expired: share('expired'),
    serverError: share('serverError'),
    invalidRequest: share('invalidRequest'),
    refused: share('refused'),
    truncated: share('truncated'),
  }
  // A little slack: ten times 0.1 is more than 1 in floating point.
  return Object.values(parsed).reduce((sum: number, each: number) => sum + each, 0) <= 1 + 1e-9 ? parsed : fail('rows', 'fractions whose sum is at most 1')
}

function faultAt(field: string, value: unknown): Fault {
  const fault = objectAt(field, value, ['call', 'n', 'when', 'status', 'lateSeconds'])
  const call = fault['call']
  if (typeof call !== 'string' || parseCallPattern(call) === null) return fail(`${field}.call`, 'a method and a path, such as "POST /v1/batches"')
  const when = fault['when'] ?? 'before'
  if (when !== 'before' && when !== 'after') return fail(`${field}.when`, 'before or after')
  const status = fault['status'] === undefined ? null : countAt(`${field}.status`, fault['status'], 400)
  if (status !== null && status > 599) return fail(`${field}.status`, 'an HTTP status from 400 to 599')
  const lateSeconds = fault['lateSeconds'] === undefined ? null : numberAt(`${field}.lateSeconds`, fault['lateSeconds'], 0)
  if (lateSeconds !== null && (call !== 'POST /v1/batches' || status !== null || when !== 'before')) {
    throw new Error(`behaviour: ${field}.lateSeconds goes with the call "POST /v1/batches" only, without status or when`)
  }
  return { call, n: fault['n'] === undefined ? 1 : countAt(`${field}.n`, fault['n'], 1), when, status, lateSeconds }
}

function apiKeysAt(value: unknown): Readonly<Record<string, string>> | null {
  if (value === undefined || value === null) return null
  const keys: Record<string, string> = {}
  for (const [key, organization] of Object.entries(objectAt('apiKeys', value, null))) {
    keys[key] = typeof organization === 'string' && /^[\w-]{1,64}$/.test(organization) ? organization : fail(`apiKeys.${key}`, 'the name of an organization')
  }
  return keys
}

/** Reads a behaviour from JSON: every field is optional. Throws an Error that names the field. */
export function parseBehaviour(value: unknown): Behaviour {
  const base = DEFAULT_BEHAVIOUR
  const json = objectAt('the behaviour', value, Object.keys(base))
  const seed = json['seed'] ?? base.seed
  const faults = json['faults'] ?? []
  if (!Array.isArray(faults)) return fail('faults', 'a list')
  return {
    seed: typeof seed === 'string' || typeof seed === 'number' ? String(seed) : fail('seed', 'a string or a number'),
    validatingSeconds: rangeAt('validatingSeconds', json['validatingSeconds'], base.validatingSeconds),
    inProgressSeconds: rangeAt('inProgressSeconds', json['inProgressSeconds'], base.inProgressSeconds),
    finalizingSeconds: rangeAt('finalizingSeconds', json['finalizingSeconds'], base.finalizingSeconds),
    cancellingSeconds: rangeAt('cancellingSeconds', json['cancellingSeconds'], base.cancellingSeconds),
    windowSeconds: numberAt('windowSeconds', json['windowSeconds'], base.windowSeconds),
    outputFileLagSeconds: numberAt('outputFileLagSeconds', json['outputFileLagSeconds'], base.outputFileLagSeconds),
    listLagSeconds: numberAt('listLagSeconds', json['listLagSeconds'], base.listLagSeconds),
    rows: rowsAt(json['rows']),
    unluckyBatches: json['unluckyBatches'] === undefined || json['unluckyBatches'] === null ? null : countAt('unluckyBatches', json['unluckyBatches'], 0),
    apiKeys: apiKeysAt(json['apiKeys']),
    faults: faults.map((fault: unknown, index) => faultAt(`faults[${index}]`, fault)),
  }
}
