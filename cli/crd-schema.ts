import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** The parts of a CRD's structural schema that are used here. */
export interface StructuralSchema {
  readonly description?: string
  readonly type?: string
  readonly properties?: Readonly<Record<string, StructuralSchema>>
  readonly additionalProperties?: StructuralSchema
  readonly items?: StructuralSchema
  readonly required?: readonly string[]
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly nullable?: boolean
  readonly pattern?: string
  /** Names that an object of any fields may not have. */
  readonly not?: { readonly anyOf: readonly { readonly required: readonly string[] }[] }
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-validations'?: readonly CelRule[]
}

/** A rule of `x-kubernetes-validations`. */
export interface CelRule {
  readonly rule: string
  readonly message: string
}

interface Crd {
  readonly spec: {
    readonly group: string
    readonly names: { readonly kind: string }
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: StructuralSchema } }[]
  }
}

/** The LlmBatchJob API as the CRD defines it. */
export interface JobApi {
  /** `llmbatch.io/v1alpha1` */
  readonly apiVersion: string
  readonly kind: string
  readonly schema: StructuralSchema
}

/** Reads crds/llmbatchjob.yaml, the source of truth. */
export function readJobApi(): JobApi {
  const crd = parse(readFileSync(new URL('../crds/llmbatchjob.yaml', import.meta.url), 'utf8')) as Crd
  const [version] = crd.spec.versions
  if (version === undefined) throw new TypeError('crds/llmbatchjob.yaml has no version')
  return { apiVersion: `${crd.spec.group}/${version.name}`, kind: crd.spec.names.kind, schema: version.schema.openAPIV3Schema }
}

/**
 * The JSON schema of what an API server with strict validation takes: unknown fields refused unless preserved, int-or-string as two types.
 * What JSON schema has no word for (CEL rules, list types) is left out.
 */
export function toJsonSchema(schema: StructuralSchema): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema)) if (!key.startsWith('x-kubernetes-') && key !== 'nullable') out[key] = value
  if (schema['x-kubernetes-int-or-string'] === true) {
    delete out['anyOf']
    out['type'] = ['integer', 'string']
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === true && schema.type === undefined) {
    // The API server takes any JSON value here; every field of this kind in the CRD is an object by its meaning and its CEL rules.
    out['type'] = 'object'
  }
  if (schema.properties !== undefined) {
    out['properties'] = Object.fromEntries(Object.entries(schema.properties).map(([name, child]) => [name, toJsonSchema(child)]))
    if (schema['x-kubernetes-preserve-unknown-fields'] !== true) out['additionalProperties'] = false
  }
  if (schema.additionalProperties !== undefined) out['additionalProperties'] = toJsonSchema(schema.additionalProperties)
  if (schema.items !== undefined) out['items'] = toJsonSchema(schema.items)
  return out
}

/** The schema of a field, undefined where the schema doesn't say. */
export function schemaAt(schema: StructuralSchema, path: readonly (string | number)[]): StructuralSchema | undefined {
  let at: StructuralSchema | undefined = schema
  for (const step of path) at = typeof step === 'number' ? at?.items : (at?.properties?.[step] ?? at?.additionalProperties)
  return at
}

/** Removes nulls of fields that have a default, as the API server does before it fills the defaults in. Changes `value`. */
export function dropDefaultedNulls(value: unknown, schema: StructuralSchema): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  const fields = value as Record<string, unknown>
  for (const [name, field] of Object.entries(fields)) {
    const child = schema.properties?.[name] ?? schema.additionalProperties
    if (child === undefined) continue
    if (field === null && child.default !== undefined && child.nullable !== true) delete fields[name]
    else dropDefaultedNulls(field, child)
  }
}
