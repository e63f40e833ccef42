import type { ConvertedType, SchemaElement } from 'hyparquet'
import type { TimeUnit } from './temporal-text.ts'

/** What the values of a leaf column mean, over their physical type. */
export type LeafMeaning =
  | { readonly kind: 'boolean' | 'float' | 'double' | 'float16' | 'date' | 'uuid' | 'string' | 'json' | 'int96' | 'null' }
  | { readonly kind: 'integer'; readonly bits: 32 | 64; readonly signed: boolean }
  | { readonly kind: 'decimal'; readonly scale: number }
  | { readonly kind: 'time'; readonly unit: TimeUnit }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly utc: boolean }
  | { readonly kind: 'unsupported'; readonly reason: string }

/** A leaf column's type: what Parquet says of it, and what is made of that. */
export interface LeafType {
  /** In words, e.g. "INT64 TIMESTAMP(MICROS, UTC)". */
  readonly words: string
  readonly meaning: LeafMeaning
}

/** The annotation of an element, from its logical type or else the older converted type. */
type Annotation =
  | { readonly type: 'STRING' | 'ENUM' | 'JSON' | 'BSON' | 'UUID' | 'FLOAT16' | 'DATE' | 'INTERVAL' | 'NULL' | 'GEOMETRY' | 'GEOGRAPHY' | 'NONE' }
  | { readonly type: 'DECIMAL'; readonly precision: number; readonly scale: number }
  | { readonly type: 'TIME' | 'TIMESTAMP'; readonly unit: TimeUnit; readonly utc: boolean }
  | { readonly type: 'INTEGER'; readonly bits: number; readonly signed: boolean }

/** Source: https://github.com/apache/parquet-format/blob/master/LogicalTypes.md */
export function leafType(element: SchemaElement): LeafType {
  const annotation = annotationOf(element)
  const physical = element.type === 'FIXED_LEN_BYTE_ARRAY' ? `${element.type}(${element.type_length ?? 0})` : (element.type ?? 'group')
  const words = annotation.type === 'NONE' ? physical : `${physical} ${annotationWords(annotation)}`
  return { words, meaning: meaningOf(element, annotation) ?? unsupported(`${annotationWords(annotation)} cannot annotate ${physical}`) }
}

function meaningOf(element: SchemaElement, annotation: Annotation): LeafMeaning | null {
  const { type } = element
  const bytes = type === 'BYTE_ARRAY'
  switch (annotation.type) {
    case 'STRING':
    case 'ENUM':
      return bytes ? { kind: 'string' } : null
    case 'JSON':
      return bytes ? { kind: 'json' } : null
    case 'BSON':
      return unsupported('BSON is binary; it has no exact text')
    case 'GEOMETRY':
    case 'GEOGRAPHY':
      return unsupported('shapes are stored as binary (WKB); they have no exact text')
    case 'INTERVAL':
      return unsupported('an INTERVAL of months, days and milliseconds has no one text')
    case 'UUID':
      return type === 'FIXED_LEN_BYTE_ARRAY' && element.type_length === 16 ? { kind: 'uuid' } : null
    case 'FLOAT16':
      return type === 'FIXED_LEN_BYTE_ARRAY' && element.type_length === 2 ? { kind: 'float16' } : null
    case 'DATE':
      return type === 'INT32' ? { kind: 'date' } : null
    case 'NULL':
      return { kind: 'null' }
    case 'DECIMAL':
      return type === 'INT32' || type === 'INT64' || bytes || type === 'FIXED_LEN_BYTE_ARRAY' ? { kind: 'decimal', scale: annotation.scale } : null
    case 'TIME':
      return type === (annotation.unit === 'MILLIS' ? 'INT32' : 'INT64') ? { kind: 'time', unit: annotation.unit } : null
    case 'TIMESTAMP':
      return type === 'INT64' ? { kind: 'timestamp', unit: annotation.unit, utc: annotation.utc } : null
    case 'INTEGER':
      return type === (annotation.bits === 64 ? 'INT64' : 'INT32') ? { kind: 'integer', bits: annotation.bits === 64 ? 64 : 32, signed: annotation.signed } : null
    case 'NONE':
      return physicalMeaning(element)
  }
}

function physicalMeaning(element: SchemaElement): LeafMeaning {
  switch (element.type ?? 'NONE') {
    case 'BOOLEAN':
      return { kind: 'boolean' }
    case 'INT32':
      return { kind: 'integer', bits: 32, signed: true }
    case 'INT64':
      return { kind: 'integer', bits: 64, signed: true }
    case 'INT96':
      return { kind: 'int96' }
    case 'FLOAT':
      return { kind: 'float' }
    case 'DOUBLE':
      return { kind: 'double' }
    case 'BYTE_ARRAY':
      // Hive, Impala and older Spark write text without saying so; a row that is no UTF-8 is refused when it is read.
      return { kind: 'string' }
    case 'FIXED_LEN_BYTE_ARRAY':
      return unsupported(`it is binary of ${element.type_length ?? 0} bytes; it has no exact text`)
    case 'NONE':
      return unsupported('its type is not known')
  }
}

function annotationOf({ logical_type: logical, converted_type: converted, precision, scale }: SchemaElement): Annotation {
  switch (logical?.type) {
    case 'DECIMAL':
      return { type: 'DECIMAL', precision: logical.precision, scale: logical.scale }
    case 'TIME':
    case 'TIMESTAMP':
      return { type: logical.type, unit: logical.unit, utc: logical.isAdjustedToUTC }
    case 'INTEGER':
      return { type: 'INTEGER', bits: logical.bitWidth, signed: logical.isSigned }
    case 'STRING':
    case 'ENUM':
    case 'JSON':
    case 'BSON':
    case 'UUID':
    case 'FLOAT16':
    case 'DATE':
    case 'INTERVAL':
    case 'NULL':
    case 'GEOMETRY':
    case 'GEOGRAPHY':
      return { type: logical.type }
    case 'MAP':
    case 'LIST':
    case 'VARIANT':
    case undefined:
      return convertedAnnotation(converted ?? 'NONE', precision ?? 0, scale ?? 0)
    default:
      // An annotation newer than this code: the physical value is what the older ones see, too.
      return { type: 'NONE' }
  }
}

function convertedAnnotation(converted: ConvertedType | 'NONE', precision: number, scale: number): Annotation {
  switch (converted) {
    case 'UTF8':
      return { type: 'STRING' }
    case 'ENUM':
    case 'JSON':
    case 'BSON':
    case 'DATE':
    case 'INTERVAL':
      return { type: converted }
    case 'DECIMAL':
      return { type: 'DECIMAL', precision, scale }
    case 'TIME_MILLIS':
    case 'TIME_MICROS':
      return { type: 'TIME', unit: converted === 'TIME_MILLIS' ? 'MILLIS' : 'MICROS', utc: true }
    case 'TIMESTAMP_MILLIS':
    case 'TIMESTAMP_MICROS':
      return { type: 'TIMESTAMP', unit: converted === 'TIMESTAMP_MILLIS' ? 'MILLIS' : 'MICROS', utc: true }
    case 'INT_8':
    case 'INT_16':
    case 'INT_32':
    case 'INT_64':
    case 'UINT_8':
    case 'UINT_16':
    case 'UINT_32':
    case 'UINT_64':
      return { type: 'INTEGER', bits: Number(converted.slice(converted.indexOf('_') + 1)), signed: converted.startsWith('INT') }
    case 'MAP':
    case 'MAP_KEY_VALUE':
    case 'LIST':
    case 'NONE':
      return { type: 'NONE' }
  }
}

function annotationWords(annotation: Annotation): string {
  switch (annotation.type) {
    case 'DECIMAL':
      return `DECIMAL(${annotation.precision}, ${annotation.scale})`
    case 'TIME':
    case 'TIMESTAMP':
      return `${annotation.type}(${annotation.unit}, ${annotation.utc ? 'UTC' : 'local'})`
    case 'INTEGER':
      return `INTEGER(${annotation.bits}, ${annotation.signed ? 'signed' : 'unsigned'})`
    default:
      return annotation.type
  }
}

function unsupported(reason: string): LeafMeaning {
  return { kind: 'unsupported', reason }
}
