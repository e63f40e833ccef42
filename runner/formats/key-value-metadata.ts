import { LlmbatchError, messageOf } from '../../crds/errors.ts'
import type { AddedColumn } from './added-columns.ts'
import { extendArrowSchema } from './arrow-schema.ts'
import { appendToJsonArray } from './json-array-append.ts'
import { KEY_VALUE } from './parquet-footer.ts'
import { binaryField, encodeStruct, fieldOf, readStruct, textOf, withField } from './thrift-compact.ts'

/** Adds columns to one key's copy of the schema. Throws Error with the cause when it cannot. */
type Extend = (value: string, existingColumns: number, columns: readonly AddedColumn[]) => string

/**
 * Keys under which writers repeat the schema. A copy that lacks the new columns makes arrow-rs and parquet-avro fail, hides
 * the columns from Spark, and makes PyArrow forget large_string, dictionaries and time zones.
 */
const SCHEMA_COPIES: ReadonlyMap<string, Extend> = new Map<string, Extend>([
  ['ARROW:schema', extendArrowSchema],
  ['org.apache.spark.sql.parquet.row.metadata', extendSparkSchema],
  ['parquet.avro.schema', extendAvroSchema],
  ['avro.schema', extendAvroSchema],
])

/**
 * Key-value entries (structs as bytes) with the new columns in every copy of the schema. Other entries stay byte for byte.
 * Throws InvalidInput naming the file and the key when a copy cannot be extended: leaving it, or dropping it, would change
 * what readers make of the input's own columns.
 */
export function extendKeyValues(uri: string, entries: readonly Uint8Array[], existingColumns: number, columns: readonly AddedColumn[]): readonly Uint8Array[] {
  return entries.map((entry) => {
    const { fields } = readStruct(entry)
    const keyField = fieldOf(fields, KEY_VALUE.key)
    const valueField = fieldOf(fields, KEY_VALUE.value)
    if (keyField === undefined || valueField === undefined) return entry
    const key = textOf(keyField)
    const extend = SCHEMA_COPIES.get(key)
    if (extend === undefined) return entry
    try {
      return encodeStruct(withField(fields, binaryField(KEY_VALUE.value, extend(textOf(valueField), existingColumns, columns))))
    } catch (error) {
      throw new LlmbatchError('InvalidInput', `${uri}: columns cannot be added to the schema in its metadata key "${key}": ${messageOf(error)}`, { cause: error })
    }
  })
}

/** Source: Spark's StructType.json, https://spark.apache.org/docs/latest/sql-data-sources-parquet.html */
function extendSparkSchema(value: string, _existingColumns: number, columns: readonly AddedColumn[]): string {
  return appendToJsonArray(value, 'fields', columns.map(({ name, type }) => ({ name, type: type === 'int32' ? 'integer' : type, nullable: true, metadata: {} })))
}

/** Source: https://avro.apache.org/docs/1.12.0/specification/#schema-record */
function extendAvroSchema(value: string, _existingColumns: number, columns: readonly AddedColumn[]): string {
  for (const { name } of columns) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error(`"${name}" is no Avro name (letters, digits and _); choose another in spec.output.columns.names`)
  }
  return appendToJsonArray(value, 'fields', columns.map(({ name, type }) => ({ name, type: ['null', type === 'int32' ? 'int' : type], default: null })))
}
