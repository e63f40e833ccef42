import { bar, column, count, counted, duration, fit, mebibytes } from './text-format.ts'

/** Everything that the display of a run shows, at one moment. Counts are absolute. */
export interface RunState {
  readonly job: string
  /** Since the run began, milliseconds. */
  readonly elapsedMs: number
  /** Reason and message of the Complete condition: what the job is doing or waiting for. */
  readonly reason: string
  readonly message: string
  /** Absent until the job is planned. */
  readonly shards?: { readonly total: number; readonly done: number; readonly running: number; readonly waiting: number; readonly failed: number }
  /** `submitted` are in batches that the provider accepted, the done ones included. */
  readonly rows?: { readonly total: number; readonly done: number; readonly submitted: number; readonly failed: number }
  /** Of the shards that are done. */
  readonly tokens?: { readonly input: number; readonly output: number }
  /** Of the shards that are done; decimal, or `-` when the price is unknown. */
  readonly cost?: string
  /** Highest resident memory that a runner has reached so far, and the limit of each; bytes. */
  readonly memory: { readonly peak: number; readonly limit: number }
  /** What the runners at work do, e.g. "shard 3 uploading". */
  readonly activities: readonly string[]
  /** Until the provider is asked again, milliseconds; absent when something else is waited for. */
  readonly nextPollMs?: number
}

const LABEL_WIDTH = 8
const BAR_WIDTH = 24
/** Shortest time between two plain lines of which only the row counts differ, milliseconds. */
const ROWS_INTERVAL_MS = 10_000
/** Shortest time between two plain lines of which only this differs, whether the job works or waits for the provider, milliseconds. */
const WAIT_INTERVAL_MS = 600_000

/** The display on a terminal, one entry per line, none longer than `width`. */
export function progressLines(state: RunState, width: number): string[] {
  const { shards, rows, tokens, cost, memory } = state
  const lines = [`${state.job}: ${state.reason}  ${duration(state.elapsedMs)}`]
  if (shards !== undefined) {
    const parts = [`${count(shards.done)} of ${counted(shards.total, 'shard')} done`, `${count(shards.running)} at work`]
    if (shards.waiting > 0) parts.push(`${count(shards.waiting)} waiting`)
    if (shards.failed > 0) parts.push(`${count(shards.failed)} failed`)
    lines.push(barLine('shards', bar(BAR_WIDTH, shards.total, shards.done, shards.done + shards.running), parts.join(', ')))
  }
  if (rows !== undefined) {
    const parts = [`${count(rows.done)} of ${counted(rows.total, 'row')} done`, `${count(rows.submitted)} submitted`]
    if (rows.failed > 0) parts.push(`${count(rows.failed)} failed`)
    lines.push(barLine('rows', bar(BAR_WIDTH, rows.total, rows.done, rows.submitted), parts.join(', ')))
  }
  if (tokens !== undefined) lines.push(`${column('tokens', LABEL_WIDTH)}${count(tokens.input)} in, ${count(tokens.output)} out, cost ${cost ?? '-'}`)
  if (memory.peak > 0) lines.push(barLine('memory', bar(BAR_WIDTH, memory.limit, memory.peak), `${mebibytes(memory.peak)} of ${mebibytes(memory.limit)}, peak of the largest runner`))
  lines.push(`${column('now', LABEL_WIDTH)}${doing(state)}`)
  return lines.map((line) => fit(line, width))
}

/** What was last printed where there is no terminal. */
export interface PlainMark {
  /** Phase and shards. */
  readonly key: string
  readonly rows: string
  readonly reason: string
  readonly elapsedMs: number
}

/**
 * The next plain line, or null when there is nothing worth a line: one is printed when the phase or a count of shards changes, every ten seconds
 * while rows move, and every ten minutes while the job goes back and forth between work and waiting for the provider.
 */
export function plainLine(state: RunState, last: PlainMark | null): { readonly line: string; readonly mark: PlainMark } | null {
  const { shards, rows, reason, elapsedMs } = state
  const phase = reason === 'WaitingForProvider' ? 'Advancing' : reason
  const mark = { key: JSON.stringify([phase, shards?.done, shards?.failed]), rows: JSON.stringify([rows?.done, rows?.submitted]), reason, elapsedMs }
  if (last !== null && mark.key === last.key) {
    const since = elapsedMs - last.elapsedMs
    const due = (mark.rows !== last.rows && since >= ROWS_INTERVAL_MS) || (reason !== last.reason && since >= WAIT_INTERVAL_MS)
    if (!due) return null
  }
  const parts = [`${duration(elapsedMs)} ${reason}`]
  if (shards !== undefined) parts.push(`${count(shards.done)}/${counted(shards.total, 'shard')}`)
  if (rows !== undefined) parts.push(`${count(rows.done)}/${counted(rows.total, 'row')} done, ${count(rows.submitted)} submitted`)
  if (state.cost !== undefined) parts.push(`cost ${state.cost}`)
  return { line: parts.join('  '), mark }
}

function doing(state: RunState): string {
  if (state.activities.length > 0) return state.activities.join(', ')
  if (state.nextPollMs !== undefined) return `waiting for the provider, asked again in ${duration(state.nextPollMs)}`
  return state.message
}

function barLine(label: string, drawn: string, text: string): string {
  return `${column(label, LABEL_WIDTH)}${drawn}  ${text}`
}
