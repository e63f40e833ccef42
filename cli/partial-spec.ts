import type { LlmBatchJobSpec } from '../crds/generated/llmbatchjob.ts'

/** A spec that may lack fields or have them in wrong types: what stands in a manifest that is not known to fit the schema. */
export type PartialSpec = { readonly [Part in keyof LlmBatchJobSpec]?: unknown }

/** What stands at a path; undefined where there is nothing. */
export function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  let at = root
  for (const step of path) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[String(step)] : undefined
  return at
}

/** The text at a path of a spec; undefined where there is none. */
export function textAt(spec: PartialSpec, ...path: readonly [keyof LlmBatchJobSpec, ...string[]]): string | undefined {
  const value = valueAt(spec, path)
  return typeof value === 'string' ? value : undefined
}

/** The fields of the object at a path of a spec; none where there is no object. */
export function fieldsAt(spec: PartialSpec, ...path: readonly [keyof LlmBatchJobSpec, ...string[]]): Readonly<Record<string, unknown>> {
  const value = valueAt(spec, path)
  return isFields(value) ? value : {}
}

export function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
