/** A node of a structural schema, as a CRD's YAML holds it. */
export interface SchemaNode {
  readonly [keyword: string]: unknown
  readonly type?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly additionalProperties?: SchemaNode
  readonly items?: SchemaNode
  readonly required?: readonly string[]
}

export interface Crd {
  readonly spec: {
    readonly scope: string
    readonly names: { readonly shortNames?: readonly string[]; readonly categories?: readonly string[] }
    readonly versions: readonly {
      readonly name: string
      readonly subresources?: Readonly<Record<string, unknown>>
      readonly additionalPrinterColumns?: readonly { readonly name: string; readonly jsonPath: string }[]
      readonly schema: { readonly openAPIV3Schema: SchemaNode }
    }[]
  }
}

/** Fields that may be booleans: those that can never need a third value. */
const BOOLEANS = new Set(['suspend'])
/** Values of the API machinery that are not CamelCase words of ours. */
const CAMEL_CASE = /^[A-Z][A-Za-z0-9]*$/
/** Fields whose meaning the API conventions fix, so that they need no description of their own. */
const STANDARD_FIELDS = /^(?:apiVersion|kind|metadata|status\.conditions\[\]\.\w+)$/

/** What breaks the Kubernetes API conventions, one line for each finding, `path: problem`; empty when nothing does. */
export function lintCrd(crd: Crd): string[] {
  const { names, scope, versions } = crd.spec
  const findings: string[] = []
  if (scope !== 'Namespaced') findings.push('scope: must be Namespaced')
  if (names.shortNames?.includes('lbj') !== true) findings.push('names.shortNames: must hold lbj')
  if (names.categories?.includes('all') !== true) findings.push('names.categories: must hold all')
  for (const { name, subresources, additionalPrinterColumns, schema } of versions) {
    if (subresources?.['status'] === undefined) findings.push(`${name}: must have the status subresource`)
    const columns = (additionalPrinterColumns ?? []).map((column) => column.name)
    if (columns.join() !== 'Status,Rows,Failed,Cost,Age') findings.push(`${name}: printer columns must be Status, Rows, Failed, Cost, Age; are ${columns.join(', ')}`)
    for (const { name: column, jsonPath } of additionalPrinterColumns ?? []) {
      if (!jsonPathExists(schema.openAPIV3Schema, jsonPath)) findings.push(`${name}: printer column ${column} shows no field: ${jsonPath}`)
    }
    findings.push(...lintNode(schema.openAPIV3Schema, '', false))
  }
  return findings
}

function lintNode(node: SchemaNode, path: string, described: boolean): string[] {
  const problems: string[] = []
  const isDescribed = described || typeof node['description'] === 'string' || STANDARD_FIELDS.test(path)
  if (!isDescribed) problems.push('has no description')
  problems.push(...lintType(node, path.split('.').at(-1) ?? ''), ...lintRules(node), ...lintRequired(node))
  const findings = problems.map((problem) => `${path}: ${problem}`)
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    // A field may go without a description when the object around it says what its fields are: counts, references, prices.
    const inherits = node['description'] !== undefined && path !== '' && !['spec', 'status'].includes(path) && isScalar(child)
    findings.push(...lintNode(child, path === '' ? name : `${path}.${name}`, inherits))
  }
  if (node.items !== undefined) findings.push(...lintNode(node.items, `${path}[]`, true))
  if (node.additionalProperties !== undefined) findings.push(...lintNode(node.additionalProperties, `${path}{}`, true))
  return findings
}

function lintType(node: SchemaNode, name: string): string[] {
  const has = (...keywords: string[]) => keywords.filter((keyword) => node[keyword] === undefined).map((keyword) => `has no ${keyword}`)
  if (name === 'phase') return ['is a phase; use conditions']
  if (/(?:Timestamp|At)$/.test(name)) return ['is a time: its name must end in Time']
  if (node.type === 'integer' && /(?:timeout|duration|interval|delay|backoff|wait|ttl|period)$/i.test(name)) return ['is a duration: its name must end in Seconds']
  if (node['x-kubernetes-int-or-string'] === true) return has('maxLength', 'pattern')
  switch (node.type) {
    case 'string':
      return node['enum'] === undefined ? has(...(['apiVersion', 'kind'].includes(name) ? [] : ['maxLength'])) : lintEnum(node['enum'])
    case 'integer':
      return [...has('format', 'minimum', 'maximum'), ...lintInteger(node)]
    case 'number':
      return ['is a float; use an integer or a decimal string']
    case 'boolean':
      return BOOLEANS.has(name) ? [] : ['is a boolean; use an enum, which can grow']
    case 'array':
      return [...has('maxItems', 'items', 'x-kubernetes-list-type'), ...lintConditions(node, name)]
    case 'object':
      return node.additionalProperties === undefined ? [] : has('maxProperties')
    default:
      return node.type === undefined && node['x-kubernetes-preserve-unknown-fields'] === true ? [] : [`has the type ${String(node.type)}`]
  }
}

function lintEnum(values: unknown): string[] {
  const wrong = Array.isArray(values) ? values.filter((value) => typeof value !== 'string' || !CAMEL_CASE.test(value)) : [values]
  return wrong.map((value) => `has the enum value ${String(value)}, which is not CamelCase`)
}

function lintInteger(node: SchemaNode): string[] {
  const limits: Record<string, number> = { int32: 2 ** 31 - 1, int64: Number.MAX_SAFE_INTEGER }
  const { format, maximum } = node
  if (format === undefined) return []
  const limit = typeof format === 'string' ? limits[format] : undefined
  if (limit === undefined) return ['has a format other than int32 and int64']
  return typeof maximum === 'number' && maximum > limit ? [`has a maximum over ${limit}`] : []
}

function lintConditions(node: SchemaNode, name: string): string[] {
  if (name !== 'conditions') return []
  const keys = node['x-kubernetes-list-map-keys']
  const isMap = node['x-kubernetes-list-type'] === 'map' && Array.isArray(keys) && keys.join() === 'type'
  const missing = ['type', 'status', 'reason', 'message', 'lastTransitionTime'].filter((field) => node.items?.required?.includes(field) !== true)
  return [...(isMap ? [] : ['must be a list map by type']), ...missing.map((field) => `must require ${field}`)]
}

function lintRules(node: SchemaNode): string[] {
  const rules = node['x-kubernetes-validations']
  if (!Array.isArray(rules)) return []
  // An API server cannot give such a node a CEL type and refuses the whole CRD.
  const typeless = node.type === undefined ? ['has CEL rules but no type'] : []
  const silent = rules.filter((rule: { message?: unknown }) => typeof rule.message !== 'string' || rule.message === '')
  return [...typeless, ...silent.map(() => 'has a CEL rule without message')]
}

function lintRequired(node: SchemaNode): string[] {
  return (node.required ?? []).flatMap((name) => {
    const child = node.properties?.[name]
    if (child === undefined) return [`requires ${name}, which it does not have`]
    return child['default'] === undefined ? [] : [`requires ${name}, which has a default`]
  })
}

function isScalar(node: SchemaNode): boolean {
  return node.properties === undefined && node.items === undefined && node.additionalProperties === undefined
}

function jsonPathExists(root: SchemaNode, jsonPath: string): boolean {
  const steps = jsonPath.replaceAll(/\[\?\([^)]*\)\]/g, '').split('.').slice(1)
  if (steps[0] === 'metadata') return true
  let at: SchemaNode | undefined = root
  for (const step of steps) at = (at?.items ?? at)?.properties?.[step]
  return at !== undefined
}
