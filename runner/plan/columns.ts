import { distance } from 'fastest-levenshtein'
import { LlmbatchError } from '../../crds/errors.ts'
import type { ColumnRef, SourceFooter } from '../formats/row-source.ts'

/** Near matches named in an error. */
const NEAR_MATCHES = 3
/** Columns named when none is near. */
const COLUMNS_NAMED = 20

/** Checks that a file has every column that a prompt names, and that each can be rendered. Throws UnknownColumn, UnsupportedColumn. */
export function checkColumns(file: string, footer: SourceFooter, columns: readonly ColumnRef[]): void {
  const known = new Map(footer.paths.map((path) => [path.path.join('\0'), path]))
  for (const column of columns) {
    const name = column.path.join('.')
    const found = known.get(column.path.join('\0'))
    if (found === undefined) throw new LlmbatchError('UnknownColumn', `spec.request.prompt: {{${name}}}: ${file} has no such column; ${suggestion(name, footer)}`)
    if (found.unsupported !== undefined) throw new LlmbatchError('UnsupportedColumn', `spec.request.prompt: {{${name}}}: ${file} has it as ${found.type}: ${found.unsupported}`)
    if (column.render === 'text' && !found.text) {
      throw new LlmbatchError('UnsupportedColumn', `spec.request.prompt: {{${name}}}: ${file} has it as ${found.type}; write {{json ${name}}}, or name one of its fields`)
    }
  }
}

function suggestion(name: string, footer: SourceFooter): string {
  const names = footer.paths.map((path) => path.path.join('.'))
  const wanted = name.toLowerCase()
  const near = names
    .map((candidate) => ({ candidate, edits: distance(wanted, candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= Math.max(2, candidate.length / 3) || candidate.toLowerCase().includes(wanted))
    .sort((a, b) => a.edits - b.edits)
    .slice(0, NEAR_MATCHES)
  if (near.length > 0) return `near matches: ${near.map(({ candidate }) => candidate).join(', ')}`
  return `its columns are: ${names.slice(0, COLUMNS_NAMED).join(', ')}${names.length > COLUMNS_NAMED ? ', …' : ''}`
}
