import { distance } from 'fastest-levenshtein'
import type { ColumnRef, SourceFooter } from '../formats/row-source.ts'
import type { InputProblem } from './input-problem.ts'

/** Near matches named in an error. */
const NEAR_MATCHES = 3
/** Columns named when none is near. */
const COLUMNS_NAMED = 20

/** A column of the prompt that a file does not have, or not in a form that can be rendered. */
export interface UnusableColumn {
  /** Index among the prompt's columns. */
  readonly column: number
  readonly code: 'UnknownColumn' | 'UnsupportedColumn'
  readonly file: string
  /** What is the matter with the file: "has no such column". */
  readonly fault: string
  readonly wayOut: string
}

/** Checks file after file against the columns that a prompt names. Holds one file's name for each column. */
export class ColumnCheck {
  readonly #columns: readonly ColumnRef[]
  /** The first file that has a column as the prompt wants it, and its type there. */
  readonly #firstWith = new Map<number, { readonly file: string; readonly type: string }>()

  constructor(columns: readonly ColumnRef[]) {
    this.#columns = columns
  }

  check(file: string, footer: SourceFooter): UnusableColumn[] {
    const known = new Map(footer.paths.map((path) => [path.path.join('\0'), path]))
    return this.#columns.flatMap(({ path, render }, column): UnusableColumn[] => {
      const place = placeText(path)
      const found = known.get(path.join('\0'))
      if (found === undefined) return [{ column, code: 'UnknownColumn', file, fault: 'has no such column', wayOut: suggestion(path, file, footer) }]
      const unsupported = { column, code: 'UnsupportedColumn', file, fault: `has it as ${found.type}` } as const
      if (found.unsupported !== undefined) return [{ ...unsupported, wayOut: found.unsupported }]
      if (render === 'text' && !found.text) return [{ ...unsupported, wayOut: `write {{json ${place}}}, or name one of its fields` }]
      if (!this.#firstWith.has(column)) this.#firstWith.set(column, { file, type: found.type })
      return []
    })
  }

  /** What is wrong, once all files were checked: names a file that has the column, if any does. `sameIn` is the number of other files of which the same is true. */
  problem({ column, code, file, fault, wayOut }: UnusableColumn, sameIn: number): InputProblem {
    const other = this.#firstWith.get(column)
    const same = sameIn === 0 ? '' : ` (the same in ${sameIn} more file${sameIn === 1 ? '' : 's'})`
    const contrast = other === undefined ? '' : `, while ${other.file} has it as ${other.type}`
    return { code, field: 'spec.request.prompt', problem: `names {{${placeText(this.#columns[column]?.path ?? [])}}}, but ${file} ${fault}${same}${contrast}; ${wayOut}` }
  }
}

/** A path as a prompt writes it: names that would be read otherwise stand in backticks. */
function placeText(path: readonly string[]): string {
  return path.map((name) => (/[.`{}]|^\s|\s$|^json\s/.test(name) ? `\`${name}\`` : name)).join('.')
}

function suggestion(path: readonly string[], file: string, footer: SourceFooter): string {
  const [first = '', ...fields] = path
  const top = footer.paths.find((candidate) => candidate.path.length === 1 && candidate.path[0] === first)
  const isStruct = footer.paths.some((candidate) => candidate.path.length > 1 && candidate.path[0] === first)
  if (top !== undefined && fields.length > 0 && !isStruct) return `${first} is ${top.type} there, which has no fields`
  if (footer.paths.length === 0) return 'it has no columns'
  const names = footer.paths.map((candidate) => ({ place: placeText(candidate.path), name: candidate.path.join('.') }))
  const wanted = plain(path.join('.'))
  const twins = names.filter(({ name }) => plain(name) === wanted)
  if (twins.length > 0) return `it has ${twins.map(({ place }) => `{{${place}}}`).join(', ')}: the name must be the same to the letter`
  // Hive and Spark take such folders for columns; llmbatch reads what is in the files.
  if (file.split('/').some((folder) => folder.startsWith(`${first}=`))) return `${first} stands in the file's path only, and a prompt can name what is in the file`
  const near = names
    .map(({ place, name }) => ({ place, name: plain(name), edits: distance(wanted, plain(name)) }))
    .filter(({ name, edits }) => edits <= Math.max(2, name.length / 3) || name.includes(wanted) || wanted.endsWith(`.${name}`))
    .sort((a, b) => a.edits - b.edits)
    .slice(0, NEAR_MATCHES)
  if (near.length > 0) return `near matches: ${near.map(({ place }) => place).join(', ')}`
  return `its columns are: ${names.slice(0, COLUMNS_NAMED).map(({ place }) => place).join(', ')}${names.length > COLUMNS_NAMED ? ', …' : ''}`
}

/** Without what people mix up: letter case and Unicode normal forms. */
function plain(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}
