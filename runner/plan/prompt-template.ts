import { LlmbatchError } from '../../crds/errors.ts'
import type { ColumnRef } from '../formats/row-source.ts'

/** A prompt template, parsed once. `texts` has one more entry than `columns`: text, column, text, … text. */
export interface PromptTemplate {
  readonly texts: readonly string[]
  readonly columns: readonly ColumnRef[]
}

/**
 * Parses `{{column}}`, `{{a.b}}` and `{{json column}}`. A backtick quotes a name that holds a dot, a blank or a brace:
 * `` {{`unit.price`}} ``. Throws InvalidTemplate naming the place, or when no column is named: every row would ask the same.
 */
export function compileTemplate(template: string): PromptTemplate {
  const texts: string[] = []
  const columns: ColumnRef[] = []
  let at = 0
  for (;;) {
    const open = template.indexOf('{{', at)
    if (open < 0) {
      texts.push(template.slice(at))
      if (columns.length === 0) throw new LlmbatchError('InvalidTemplate', `spec.request.prompt names no column, so every row would ask the same${otherPlace(template)}`)
      return { texts, columns }
    }
    const close = endOfPlace(template, open + 2)
    if (close === null) throw new LlmbatchError('InvalidTemplate', `spec.request.prompt has "{{" at character ${open + 1} and no "}}" after it`)
    texts.push(template.slice(at, open))
    columns.push(parseColumn(template.slice(open + 2, close), open))
    at = close + 2
  }
}

/** A hint where a place is written as other templates do: `{column}`, `${column}`, `{% column %}`, `<column>`. */
function otherPlace(template: string): string {
  const [found, name] = /(?:\$?\{%?|<)\s*([A-Za-z_][\w.]*)\s*(?:%?\}|>)/.exec(template) ?? []
  return found === undefined || name === undefined ? '' : `; for ${found} write {{${name}}}`
}

/** Where the `}}` of a place stands, which a quoted name may hold too; null when there is none. */
function endOfPlace(template: string, from: number): number | null {
  const place = /(?:[^`}]|`[^`]*`|\}(?!\}))*\}\}/y
  place.lastIndex = from
  return place.test(template) ? place.lastIndex - 2 : null
}

function parseColumn(source: string, at: number): ColumnRef {
  const text = source.trim()
  if (/^[#/](if|unless|each|with)\b/.test(text)) {
    throw new LlmbatchError('InvalidTemplate', `spec.request.prompt has "{{${source}}}" at character ${at + 1}: there are no conditions or loops, and a column of that name stands in backticks`)
  }
  const json = /^json\s+(?=\S)/.exec(text)
  const name = json === null ? text : text.slice(json[0].length)
  const path: string[] = []
  const step = /(?:`([^`]+)`|([^.`{}\s]+(?:[^.`{}]*[^.`{}\s])?))(\.|$)/y
  let ended = false
  while (!ended) {
    const match = step.exec(name)
    if (match === null) {
      throw new LlmbatchError('InvalidTemplate', `spec.request.prompt has "{{${source}}}" at character ${at + 1}, which is not {{column}}, {{a.b}} or {{json column}}`)
    }
    path.push(match[1] ?? match[2] ?? '')
    ended = match[3] === ''
  }
  return { path, render: json === null ? 'text' : 'json' }
}

/** Distinct columns of a template, and which of them each place takes: what a reader has to fetch. */
export function distinctColumns(template: PromptTemplate): { readonly columns: readonly ColumnRef[]; readonly slots: readonly number[] } {
  const columns: ColumnRef[] = []
  const places = new Map<string, number>()
  const slots = template.columns.map((column) => {
    const key = JSON.stringify([column.render, column.path])
    const known = places.get(key)
    if (known !== undefined) return known
    places.set(key, columns.length)
    return columns.push(column) - 1
  })
  return { columns, slots }
}

/** The prompt of one row. `valueOf(i)` is the value for the i-th place; null is written as nothing, or `null` with json. */
export function renderPrompt(template: PromptTemplate, valueOf: (place: number) => string | null): string {
  let prompt = template.texts[0] ?? ''
  template.columns.forEach((column, place) => {
    prompt += valueOf(place) ?? (column.render === 'json' ? 'null' : '')
    prompt += template.texts[place + 1] ?? ''
  })
  return prompt
}
