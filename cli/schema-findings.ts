import { distance } from 'fastest-levenshtein'
import type { ErrorObject } from 'ajv'
import { schemaAt, type StructuralSchema } from './crd-schema.ts'
import { show, type FieldPath, type Finding } from './findings.ts'
import { valueAt } from './partial-spec.ts'
import { uriHint } from './uri-hint.ts'

/** Turns ajv's errors into findings: one for each thing a person has to change. `value` is the whole that was checked, `schema` what it was checked against. */
export function schemaFindings(errors: readonly ErrorObject[], value: unknown, schema: StructuralSchema): Finding[] {
  // A field of the wrong type breaks its pattern and limits too, and one that is too short its pattern: the first finding says all there is to do.
  const ranked = errors.toSorted((a, b) => Number(a.keyword === 'minLength') - Number(b.keyword === 'minLength'))
  const findings = ranked.map((error) => toFinding(error, pathOf(error.instancePath, value), value, schema))
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
      const isSecret = /key|secret|token|password/i.test(name) && known.includes('credentialsSecretRef') && near === undefined
      const remove = isSecret ? 'remove it, keep it in a Secret, and name that: credentialsSecretRef: {name: …}' : `remove it; the fields here are ${known.join(', ')}`
      const instead = near === undefined ? remove : `write ${near}`
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
      return { path, problem: `is ${show(found)}, which does not fit`, instead: patternHint(path, at, String(params['pattern']), String(found)) }
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

function patternHint(path: FieldPath, schema: StructuralSchema | undefined, pattern: string, found: string): string {
  const name = lastName(path)
  if (name === 'uri') return uriHint(found, pattern.endsWith('/$'))
  if (name === 'baseURL' || name === 'endpoint') return `write an address that starts with https:// or http://${/^[\w.-]+(:\d+)?(\/|$)/.test(found) ? `, e.g. https://${found}` : ''}`
  if (name === 'region') return 'write the name of a region, e.g. eu-west-1'
  if (schema?.['x-kubernetes-int-or-string'] === true) return quantityHint(found)
  if (path.includes('prices')) return priceHint(found, name === 'batchDiscount')
  if (name === 'name' || name === 'namespace') return "write lower-case letters, digits, '-' and '.', with a letter or digit at both ends"
  return `write a value that fits ${pattern}`
}

/** Kubernetes' units are case-sensitive: `Mi` is 1024², `M` a million, `m` a thousandth. */
function quantityHint(found: string): string {
  const [, digits, letter] = /^\s*(\d+(?:\.\d+)?)\s*([kmgt])i?b?\s*$/i.exec(found) ?? []
  return digits === undefined || letter === undefined ? 'write a Kubernetes quantity, e.g. 256Mi or 1Gi' : `write ${digits}${letter.toUpperCase()}i; a Kubernetes quantity has one of the units Ki, Mi, Gi, Ti, k, M, G, T`
}

function priceHint(found: string, isShare: boolean): string {
  const percent = /^(\d{1,2})\s*%$/.exec(found)?.[1]
  if (isShare) return percent === undefined ? 'write a decimal from 0 to 1 in quotes, e.g. "0.5"' : `write a decimal from 0 to 1: "0.${percent.padStart(2, '0')}"`
  const bare = /^[^\d.,-]*(\d+)(?:[.,](\d+))?[^\d.,]*$/.exec(found)
  if (bare?.[1] === undefined) return 'write a decimal of 0 or more in quotes, e.g. "0.25"'
  return `write the bare decimal, per million tokens: "${bare[1]}${bare[2] === undefined ? '' : `.${bare[2]}`}"`
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

function kindOf(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  return `the ${typeof value} ${show(value)}`
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}
