import { column, count, counted, displayWidth, duration, fit } from './text-format.ts'

/** How a run that completed ended. */
export interface RunResult {
  readonly rows: { readonly total: number; readonly failed: number }
  readonly tokens: { readonly input: number; readonly output: number }
  /** Decimal, or `-` when the price is unknown. */
  readonly cost: string
  /** Output folder or file as a person opens it. */
  readonly output: string
  readonly files: number
  readonly elapsedMs: number
  /** Whether no runner had to ask the provider for anything. */
  readonly nothingAsked: boolean
  /** Name of the first output file, and a few of its rows; absent when there is none. */
  readonly sample?: RowSample
}

/** A few rows of an output file as text; null where a row holds null. */
export interface RowSample {
  readonly file: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | null)[])[]
}

/** What is printed when a run has completed; no line is longer than `width`, save the path of the output. */
export function resultLines(result: RunResult, width: number): string[] {
  const { rows, tokens, cost } = result
  const lines: string[] = []
  if (result.sample !== undefined && result.sample.rows.length > 0) lines.push('', ...tableLines(result.sample.columns, result.sample.rows, width), '')
  const failed = rows.failed === 0 ? 'none failed' : `${count(rows.failed)} failed`
  if (result.nothingAsked) lines.push(`Already complete: ${counted(rows.total, 'row')}, ${failed}; no provider call was made (${duration(result.elapsedMs)})`)
  else lines.push(`Complete: ${counted(rows.total, 'row')}, ${failed}, ${count(tokens.input)} tokens in, ${count(tokens.output)} out, cost ${cost}, ${duration(result.elapsedMs)}`)
  lines.push(`${counted(result.files, 'file')} in ${result.output}`)
  return lines
}

/** Least width at which a column of a table says anything. */
const COLUMN_MINIMUM = 6
/** Widest column other than the last, so that the answer has room. */
const COLUMN_MAXIMUM = 28

/** A table with a head; columns on the left are dropped or cut so that the last one, the answer, keeps at least half of the width. */
export function tableLines(columns: readonly string[], rows: readonly (readonly (string | null)[])[], width: number): string[] {
  const cell = (row: readonly (string | null)[], index: number): string => row[index] ?? 'null'
  const natural = columns.map((name, index) => Math.max(displayWidth(name), ...rows.map((row) => displayWidth(fit(cell(row, index), width)))))
  const last = columns.length - 1
  const answerWidth = Math.min(natural[last] ?? 0, Math.ceil(width / 2))
  const shown: { index: number; width: number }[] = []
  let left = width - answerWidth
  for (const [index, wanted] of natural.slice(0, last).entries()) {
    const given = Math.min(wanted, COLUMN_MAXIMUM, left - 2)
    if (given < Math.min(wanted, COLUMN_MINIMUM)) break
    shown.push({ index, width: given })
    left -= given + 2
  }
  shown.push({ index: last, width: Math.min(natural[last] ?? 0, answerWidth + left) })
  const line = (textOf: (index: number) => string): string => shown.map((place) => column(textOf(place.index), place.width)).join('  ').trimEnd()
  return [line((index) => columns[index] ?? ''), shown.map((place) => '─'.repeat(place.width)).join('  '), ...rows.map((row) => line((index) => cell(row, index)))]
}
