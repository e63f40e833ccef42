import { LlmbatchError } from '../../crds/errors.ts'
import type { OutputColumns, RowOutcome } from './output-assembler.ts'

/** What an added column may hold. */
export type AddedType = 'string' | 'int32'

/** A column to be added: nullable, flat, PLAIN, ZSTD. */
export interface AddedColumn {
  readonly name: string
  readonly type: AddedType
}

/** Added columns in file order: which field of an outcome, as what type. The order is part of the part format. */
export const ADDED_FIELDS = [
  { field: 'response', type: 'string' },
  { field: 'status', type: 'string' },
  { field: 'error', type: 'string' },
  { field: 'promptTokens', type: 'int32' },
  { field: 'completionTokens', type: 'int32' },
] as const satisfies readonly { readonly field: keyof RowOutcome & keyof OutputColumns; readonly type: AddedType }[]

/**
 * The added columns under the names that the job gives them. Throws ColumnExists when a name is taken, by a column of the
 * file or by another added one. Letter case does not count: Spark, DuckDB and Hive would take the two for one.
 */
export function namedColumns(uri: string, existing: readonly string[], names: OutputColumns): readonly AddedColumn[] {
  const taken = new Map(existing.map((name) => [name.toLowerCase(), `${uri} has a column "${name}"`]))
  return ADDED_FIELDS.map(({ field, type }) => {
    const name = names[field]
    const holder = taken.get(name.toLowerCase())
    if (holder !== undefined) throw new LlmbatchError('ColumnExists', `spec.output.columns.names.${field} is "${name}", but ${holder}`)
    taken.set(name.toLowerCase(), `spec.output.columns.names.${field} is "${name}" too`)
    return { name, type }
  })
}
