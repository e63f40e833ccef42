import { distance } from 'fastest-levenshtein'
import type { ErrorObject } from 'ajv'
import { schemaAt, type StructuralSchema } from './crd-schema.ts'
import type { FieldPath, Finding } from './findings.ts'

/** Turns ajv's errors into findings: one for each thing a person has to change. `value` is the whole that was checked, `schema` what it was checked against. */
export function schemaFindings(errors: readonly ErrorObject[], value: unknown, schema: StructuralSchema): Finding[] {
  const findings = errors.map((error) => toFinding(error, pathOf(error.instancePath, value), value, schema))
  // A field of the wrong type breaks its pattern and limits too; the first finding says all there is to do.
  const seen = new Set<string>()
  return findings.filter((finding) => {
    const key = JSON.stringify(finding.path)
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

function toFinding(error: ErrorObject, path: FieldPath, value: unknown, schema: StructuralSchema): Finding {
  const at = schemaAt(schema, path)
  const found = valueAt(value, path)
  const params: Record<string, unknown> = error.params
  switch (error.keyword) {
    case 'required': {
      const name = String(params['missingProperty'])
      return { path: [...path, name], problem: 'is missing', instead: `write ${describe(name, schemaAt(schema, [...path, name]))}` }
    }
    case 'additionalProperties': {
      const name = String(params['additionalProperty'])
      const known = Object.keys(at?.properties ?? {})
      const near = nearest(name, known)
      const instead = near === undefined ? `remove it; the fields here are ${known.join(', ')}` : `write ${near}`
      return { path: [...path, name], problem: 'is no field of LlmBatchJob', instead }
    }
    case 'type':
      return { path, ...wrongType(found, at) }
    case 'enum': {
      const allowed = at?.enum ?? []
      const near = typeof found === 'string' ? nearest(found, allowed) : undefined
      return { path, problem: `is ${show(found)}`, instead: near === undefined ? `write one of ${allowed.join(', ')}` : `write ${near}; the values are ${allowed.join(', ')}` }
    }
    case 'pattern':
      return { path, problem: `is ${show(found)}, which does not fit`, instead: patternHint(path, at, String(params['pattern'])) }
    case 'minLength':
      return { path, problem: found === '' ? 'is empty' : `is shorter than ${String(params['limit'])} characters`, instead: `write ${describe(lastName(path), at)}` }
    case 'maxLength':
      return { path, problem: `is longer than ${String(params['limit'])} characters`, instead: 'shorten it' }
    case 'minimum':
      return { path, problem: `is ${show(found)}`, instead: `write ${String(params['limit'])} or more` }
    case 'maximum':
      return { path, problem: `is ${show(found)}`, instead: `write ${String(params['limit'])} or less` }
    case 'minProperties':
      return { path, problem: 'is empty', instead: 'write at least one entry, or leave it out' }
    case 'maxProperties':
      return { path, problem: `has more than ${String(params['limit'])} entries`, instead: 'remove some' }
    case 'not': {
      const reserved = at?.not?.anyOf.flatMap(({ required }) => required) ?? []
      const names = `${reserved.slice(0, -1).join(', ')} or ${reserved.at(-1) ?? ''}`
      return { path, problem: `may not set ${names}`, instead: 'model and messages come from spec.request, and a batch gives one whole answer a row' }
    }
    default:
      return { path, problem: error.message ?? `breaks the rule ${error.keyword}` }
  }
}

function wrongType(found: unknown, schema: StructuralSchema | undefined): Omit<Finding, 'path'> {
  const wanted = schema?.['x-kubernetes-int-or-string'] === true ? 'integer or string' : (schema?.type ?? 'object')
  const problem = `is ${kindOf(found)}, and must be ${article(wanted)}`
  if (found === null) return { problem: `is empty, and must be ${article(wanted)}`, instead: 'write its value, or leave it out' }
  if (wanted === 'string' && (typeof found === 'number' || typeof found === 'boolean')) return { problem, instead: `put it in quotes: "${String(found)}"` }
  if (wanted === 'integer' && typeof found === 'string' && /^-?\d+$/.test(found)) return { problem, instead: `write it without quotes: ${found}` }
  if (wanted === 'integer' && typeof found === 'number') return { problem: `is ${found}, and must be a whole number`, instead: `write ${Math.round(found)}` }
  if (wanted === 'object' && schema?.properties !== undefined) return { problem, instead: `write fields under it: ${Object.keys(schema.properties).join(', ')}` }
  return { problem }
}

function patternHint(path: FieldPath, schema: StructuralSchema | undefined, pattern: string): string {
  const name = lastName(path)
  if (name === 'uri') return pattern.endsWith('/$') ? 'write a folder that ends in "/", e.g. file:./out/ or s3://bucket/folder/' : 'write e.g. file:./data/*.parquet or s3://bucket/data/*.parquet'
  if (name === 'baseURL') return 'write an address that starts with http:// or https://'
  if (schema?.['x-kubernetes-int-or-string'] === true) return 'write a Kubernetes quantity, e.g. 256Mi or 1Gi'
  if (path.includes('prices')) return name === 'batchDiscount' ? 'write a decimal from 0 to 1 in quotes, e.g. "0.5"' : 'write a decimal in quotes, e.g. "0.25"'
  if (name === 'name' || name === 'namespace') return "write lower-case letters, digits, '-' and '.', with a letter or digit at both ends"
  return `write a value that fits ${pattern}`
}

/** What to write for a field, by its type and description: `prompt: TEXT (User message. …)`. */
function describe(name: string, schema: StructuralSchema | undefined): string {
  const description = schema?.description?.split('. ')[0]?.replace(/\.$/, '')
  const sample = schema?.enum !== undefined ? schema.enum.join(' or ') : schema?.type === 'object' ? '' : '…'
  return `\`${`${name}: ${sample}`.trimEnd()}\`${description === undefined ? '' : ` (${description})`}`
}

/** The candidate with the fewest edits, if it is near enough to be meant. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, edits: distance(name.toLowerCase(), candidate.toLowerCase()) })).sort((a, b) => a.edits - b.edits)
  const [best] = ranked
  return best !== undefined && best.edits <= Math.max(2, Math.floor(best.candidate.length / 3)) ? best.candidate : undefined
}

function lastName(path: FieldPath): string {
  return String(path.at(-1) ?? '')
}

/** Reads ajv's JSON pointer; a step into a list becomes a number. */
function pathOf(pointer: string, value: unknown): FieldPath {
  const path: (string | number)[] = []
  let at = value
  for (const raw of pointer.split('/').slice(1)) {
    const step = raw.replaceAll('~1', '/').replaceAll('~0', '~')
    path.push(Array.isArray(at) ? Number(step) : step)
    at = valueAt(at, [step])
  }
  return path
}

function valueAt(value: unknown, path: FieldPath): unknown {
  let at = value
  for (const step of path) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[String(step)] : undefined
  return at
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  return `the ${typeof value} ${show(value)}`
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}
