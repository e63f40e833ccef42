import { Environment } from '@marcbachmann/cel-js'
import type { StructuralSchema } from './crd-schema.ts'
import { isWithin, type FieldPath, type Finding } from './findings.ts'

const environment = new Environment({ unlistedVariablesAreDyn: true }).registerVariable('self', 'dyn')

/**
 * Applies the schema's own CEL rules to a value, defaults filled in. Transition rules (those that use oldSelf) hold between two versions of a
 * resource, so they are left to the API server; so is a rule over a field that `known` findings already name.
 */
export function celFindings(value: unknown, schema: StructuralSchema, known: readonly Finding[], path: FieldPath = []): Finding[] {
  const findings: Finding[] = []
  for (const { rule, message } of schema['x-kubernetes-validations'] ?? []) {
    if (/\boldSelf\b/.test(rule) || isBroken(rule, path, known)) continue
    if (environment.evaluate(rule, { self: toCel(value) }) !== true) findings.push(toFinding(path, message))
  }
  if (typeof value !== 'object' || value === null) return findings
  for (const [name, field] of Object.entries(value as Record<string, unknown>)) {
    const child = Array.isArray(value) ? schema.items : (schema.properties?.[name] ?? schema.additionalProperties)
    if (child !== undefined) findings.push(...celFindings(field, child, known, [...path, Array.isArray(value) ? Number(name) : name]))
  }
  return findings
}

/** Whether a field that the rule names, one around it or one in it, is known to be wrong: the rule's verdict would only confuse. */
function isBroken(rule: string, path: FieldPath, known: readonly Finding[]): boolean {
  const fields = [...rule.matchAll(/\bself((?:\.\w+)*)/g)].map((match) => [...path, ...(match[1] ?? '').split('.').slice(1)])
  return known.some((finding) => fields.some((field) => isWithin(finding.path, field) || isWithin(field, finding.path)))
}

/** The CRD's messages read "FIELD what is wrong; what to do". */
function toFinding(path: FieldPath, message: string): Finding {
  const [what = message, ...rest] = message.split('; ')
  const [field = '', ...words] = what.split(' ')
  const named = /^(spec|metadata)[.\w]*$/.test(field)
  const finding = named ? { path: field.split('.'), problem: words.join(' ') } : { path, problem: what }
  return rest.length === 0 ? finding : { ...finding, instead: rest.join('; ') }
}

/** JSON as CEL sees it: a whole number is an int. */
function toCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(toCel)
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, toCel(field)]))
  return value
}
