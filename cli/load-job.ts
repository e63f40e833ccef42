import { readFile } from 'node:fs/promises'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { LlmbatchError } from '../crds/errors.ts'
import { celFindings } from './cel-rules.ts'
import { dropDefaultedNulls, readJobApi, toJsonSchema, type StructuralSchema } from './crd-schema.ts'
import { fieldText, formatFindings, isWithin, type Finding, type JobManifest, type LocatedFinding } from './findings.ts'
import { readManifestDocument, type ManifestDocument } from './manifest-document.ts'
import { meaningFindings } from './meaning-findings.ts'
import { nearest, schemaFindings } from './schema-findings.ts'

const NAME = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'
const STRING_MAP: StructuralSchema = { type: 'object', additionalProperties: { type: 'string' } }
/** ObjectMeta as Kubernetes defines it: what a person writes is checked, what the API server writes is let through. */
const OBJECT_META: StructuralSchema = {
  description: 'with the name of the job: {name: …}',
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', pattern: NAME, description: 'Name of the job: lower-case letters, digits and -' },
    namespace: { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' },
    labels: STRING_MAP,
    annotations: STRING_MAP,
    finalizers: { type: 'array', items: { type: 'string' } },
    ...Object.fromEntries(
      ['creationTimestamp', 'deletionGracePeriodSeconds', 'deletionTimestamp', 'generateName', 'generation', 'managedFields', 'ownerReferences', 'resourceVersion', 'selfLink', 'uid'].map((field) => [field, {}]),
    ),
  },
}

const api = readJobApi()
const specSchema = api.schema.properties?.['spec']
if (specSchema === undefined) throw new TypeError('crds/llmbatchjob.yaml has no spec')
/** The status is the operator's; the API server ignores it in what a person applies, so it is not looked at. */
const schema: StructuralSchema = { ...api.schema, required: ['metadata', 'spec'], properties: { apiVersion: {}, kind: {}, metadata: OBJECT_META, spec: specSchema, status: {} } }
const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: true, strictRequired: false, allowUnionTypes: true, ownProperties: true })
addFormats.default(ajv)
const validateSchema = ajv.compile(toJsonSchema(schema))

/** A manifest, checked: either the job with its defaults, or all that is wrong with it. */
export type CheckedManifest = { readonly job: JobManifest } | { readonly findings: readonly LocatedFinding[] }

/** Checks the text of a manifest: YAML, schema and CEL rules of the CRD, template and URIs. */
export function checkManifest(text: string): CheckedManifest {
  const read = readManifestDocument(text)
  if ('findings' in read) return { findings: read.findings.map((finding) => locate(finding)) }
  const { document } = read
  const value: unknown = document.value
  const kind = kindFindings(value)
  if (kind.length > 0 || !isFields(value)) return { findings: kind.map((finding) => locate(finding, document)) }

  dropDefaultedNulls(value, schema)
  const wrong = validateSchema(value) ? [] : schemaFindings(validateSchema.errors ?? [], value, schema)
  const spec = isFields(value['spec']) ? value['spec'] : {}
  const meaning = meaningFindings(spec).filter((finding) => !wrong.some((other) => isWithin(finding.path, other.path)))
  const findings = [...wrong, ...celFindings(value, schema, wrong), ...meaning]
  if (findings.length > 0) return { findings: findings.map((finding) => locate(finding, document)).sort((a, b) => (a.line ?? 0) - (b.line ?? 0)) }

  // The schema has just vouched for these types.
  const job = value as { metadata: Pick<JobManifest, 'name' | 'namespace'>; spec: JobManifest['spec'] }
  const { name, namespace } = job.metadata
  return { job: { name, ...(namespace === undefined ? {} : { namespace }), spec: job.spec } }
}

/** Reads and checks a manifest. Throws InvalidJob, which lists every finding, also when the file cannot be read. */
export async function loadJob(path: string): Promise<JobManifest> {
  const checked = checkManifest(await readManifest(path))
  if ('job' in checked) return checked.job
  throw new LlmbatchError('InvalidJob', [`${path} is not a valid LlmBatchJob`, ...formatFindings(checked.findings)].join('\n  '))
}

/** The text of a manifest file. Throws InvalidJob when it cannot be read. */
export async function readManifest(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : code
    throw new LlmbatchError('InvalidJob', `${path} cannot be read: ${reason}`, { cause: error })
  }
}

function kindFindings(value: unknown): Finding[] {
  const head = `write\n    apiVersion: ${api.apiVersion}\n    kind: ${api.kind}`
  if (!isFields(value)) return [{ path: [], problem: 'the document is no object', instead: head }]
  const findings: Finding[] = []
  for (const [field, wanted] of [['apiVersion', api.apiVersion], ['kind', api.kind]] as const) {
    const found = value[field]
    if (found === wanted) continue
    const misspelt = found === undefined ? nearest(field, Object.keys(value)) : undefined
    const problem = misspelt !== undefined ? `is missing (there is ${misspelt})` : found === undefined ? 'is missing' : `is ${JSON.stringify(found)}`
    findings.push({ path: [field], problem, instead: `write ${field}: ${wanted}` })
  }
  return findings
}

function locate(finding: Finding, document?: ManifestDocument): LocatedFinding {
  const line = finding.line ?? document?.lineOf(finding.path)
  const { problem, instead } = finding
  return { field: fieldText(finding.path), problem, ...(instead === undefined ? {} : { instead }), ...(line === undefined ? {} : { line }) }
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
