import type { LlmBatchJobSpec } from '../crds/generated/llmbatchjob.ts'
import type { ColumnRef, RowSource, SourceFooter } from '../runner/formats/row-source.ts'
import { parseInputPattern } from '../runner/plan/input-pattern.ts'
import { compileTemplate } from '../runner/plan/prompt-template.ts'
import type { Storage } from '../runner/storage/storage.ts'
import type { RowSample } from './result-view.ts'

/** Rows that are shown. */
const SAMPLE_ROWS = 4
/** Input columns that are shown. */
const SAMPLE_COLUMNS = 3
/** Output files that are looked at for one with rows. */
const FILES_TRIED = 10

/** The first rows of the first output file that has any: the columns of the prompt, and the answer. Null when there is none. */
export async function sampleRows(spec: LlmBatchJobSpec, storage: Storage, source: RowSource): Promise<RowSample | null> {
  const pattern = parseInputPattern(spec.input.uri)
  let tried = 0
  for await (const input of storage.list(pattern.prefix)) {
    if (!pattern.matches(input.uri)) continue
    if (++tried > FILES_TRIED) return null
    const name = input.uri.slice(pattern.prefix.length)
    const output = await storage.head(spec.output.uri + name)
    if (output === null) continue
    const footer = await source.inspect(output)
    if (footer.rows === 0) continue
    const columns = shownColumns(spec, footer)
    const rows: (string | null)[][] = []
    for await (const window of source.read(output, columns, 0, Math.min(SAMPLE_ROWS, footer.rows))) {
      for (let row = 0; row < (window.values[0]?.length ?? 0); row++) rows.push(window.values.map((values) => values[row] ?? null))
    }
    return { file: name, columns: columns.map(({ path }) => path.join('.')), rows }
  }
  return null
}

function shownColumns(spec: LlmBatchJobSpec, footer: SourceFooter): ColumnRef[] {
  const response = spec.output.columns.names.response
  const added = new Set<string>(Object.values(spec.output.columns.names))
  const prompt = compileTemplate(spec.request.prompt).columns.map(({ path }) => path.join('\0'))
  const readable = footer.paths.filter(({ unsupported }) => unsupported === undefined)
  const named = readable.filter(({ path }) => prompt.includes(path.join('\0')))
  // A prompt without columns: the first ones of the file.
  const shown = named.length > 0 ? named : readable.filter(({ path }) => path.length === 1 && !added.has(path[0] ?? ''))
  const toRef = ({ path, text }: (typeof readable)[number]): ColumnRef => ({ path, render: text ? 'text' : 'json' })
  return [...shown.slice(0, SAMPLE_COLUMNS).map(toRef), { path: [response], render: 'text' }]
}
