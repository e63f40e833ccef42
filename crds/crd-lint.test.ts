import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { lintCrd, type Crd } from './crd-lint.ts'

const yaml = readFileSync(join(import.meta.dirname, 'llmbatchjob.yaml'), 'utf8')

/** A copy of the CRD whose aliases are copies too, so that a change touches one field. */
const fresh = () => JSON.parse(JSON.stringify(parse(yaml))) as Crd

describe('llmbatchjob.yaml', () => {
  it('keeps the Kubernetes API conventions', () => {
    expect(lintCrd(fresh())).toEqual([])
  })
})

describe('the CRD lint', () => {
  const SPEC = 'spec.versions.0.schema.openAPIV3Schema.properties.spec'
  const STATUS = 'spec.versions.0.schema.openAPIV3Schema.properties.status'
  const breaches: [what: string, path: string, value: unknown, finding: string][] = [
    ['cluster scope', 'spec.scope', 'Cluster', 'scope: must be Namespaced'],
    ['no short name', 'spec.names.shortNames', ['llm'], 'must hold lbj'],
    ['no category', 'spec.names.categories', [], 'must hold all'],
    ['no status subresource', 'spec.versions.0.subresources', {}, 'must have the status subresource'],
    ['a column too few', 'spec.versions.0.additionalPrinterColumns', [], 'printer columns must be'],
    ['a column of no field', 'spec.versions.0.additionalPrinterColumns.1.jsonPath', '.status.rows.nothing', 'printer column Rows shows no field'],
    ['an undescribed field', `${SPEC}.properties.output.properties.columns.description`, undefined, 'spec.output.columns: has no description'],
    ['an unbounded string', `${SPEC}.properties.request.properties.model.maxLength`, undefined, 'spec.request.model: has no maxLength'],
    ['an unbounded list', `${STATUS}.properties.progress.maxItems`, undefined, 'status.progress: has no maxItems'],
    ['a list without type', `${STATUS}.properties.progress.x-kubernetes-list-type`, undefined, 'status.progress: has no x-kubernetes-list-type'],
    ['an unbounded map', `${SPEC}.properties.provider.properties.prices.maxProperties`, undefined, 'prices: has no maxProperties'],
    ['a float', `${SPEC}.properties.runner.properties.parallelism.type`, 'number', 'parallelism: is a float'],
    ['an integer without format', `${SPEC}.properties.runner.properties.parallelism.format`, undefined, 'parallelism: has no format'],
    ['an integer without bound', `${SPEC}.properties.runner.properties.parallelism.maximum`, undefined, 'parallelism: has no maximum'],
    ['an integer that JavaScript rounds', `${STATUS}.properties.observedGeneration.maximum`, 2 ** 60, 'has a maximum over'],
    ['a phase', `${STATUS}.properties.phase`, { type: 'string', maxLength: 9, description: 'x' }, 'status.phase: is a phase'],
    ['a duration without unit', `${SPEC}.properties.timeout`, { type: 'integer', description: 'x' }, 'spec.timeout: is a duration'],
    ['a time of another name', `${STATUS}.properties.startedAt`, { type: 'string', description: 'x' }, 'its name must end in Time'],
    ['a boolean', `${SPEC}.properties.fast`, { type: 'boolean', description: 'x' }, 'spec.fast: is a boolean'],
    ['an enum in lower case', `${SPEC}.properties.output.properties.ifExists.enum`, ['Fail', 'overwrite'], 'enum value overwrite'],
    ['conditions as an atomic list', `${STATUS}.properties.conditions.x-kubernetes-list-type`, 'atomic', 'must be a list map by type'],
    ['conditions without reason', `${STATUS}.properties.conditions.items.required`, ['type', 'status'], 'must require reason'],
    ['a rule without message', `${SPEC}.properties.provider.x-kubernetes-validations.0.message`, undefined, 'spec.provider: has a CEL rule without message'],
    ['a rule on a field without type', `${SPEC}.properties.request.properties.parameters.x-kubernetes-validations`, [{ rule: 'true', message: 'x' }], 'parameters: has CEL rules but no type'],
    ['a required field with a default', `${SPEC}.properties.input.properties.uri.default`, 'file:./', 'requires uri, which has a default'],
    ['a required field that is not there', `${SPEC}.properties.input.required`, ['url'], 'requires url, which it does not have'],
  ]

  it.each(breaches)('finds %s', (_, path, value, finding) => {
    const crd = fresh()
    set(crd, path.split('.'), value)
    expect(lintCrd(crd).filter((line) => line.includes(finding))).not.toEqual([])
  })

  it('allows spec.suspend as a boolean', () => {
    const crd = fresh()
    set(crd, `${SPEC}.properties.suspend`.split('.'), { type: 'boolean', description: 'x' })
    expect(lintCrd(crd)).toEqual([])
  })
})

function set(target: unknown, path: readonly string[], value: unknown): void {
  const [step = '', ...rest] = path
  if (typeof target !== 'object' || target === null) throw new TypeError(`nothing at ${path.join('.')}`)
  const node = target as Record<string, unknown>
  if (rest.length > 0) set(node[step], rest, value)
  else if (value === undefined) delete node[step]
  else node[step] = value
}
