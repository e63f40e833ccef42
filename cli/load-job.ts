import { readFile } from 'node:fs/promises'
import { text as textOf } from 'node:stream/consumers'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { LlmbatchError } from '../crds/errors.ts'
import { celFindings } from './cel-rules.ts'
import { dropDefaultedNulls, readJobApi, toJsonSchema, type StructuralSchema } from './crd-schema.ts'
import { fieldText, formatFindings, isWithin, withoutSignature, type Finding, type JobManifest, type LocatedFinding } from './findings.ts'
import { readManifestDocuments, type ManifestDocument } from './manifest-document.ts'
import { meaningFindings, wholeFindings } from './meaning-findings.ts'
import { isFields } from './partial-spec.ts'
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
const HEAD = `write\n    apiVersion: ${api.apiVersion}\n    kind: ${api.kind}`
const specSchema = api.schema.properties?.['spec']
if (specSchema === undefined) throw new TypeError('crds/llmbatchjob.yaml has no spec')
/** The status is the operator's; the API server ignores it in what a person applies, so it is not looked at. */
const schema: StructuralSchema = { ...api.schema, required: ['metadata', 'spec'], properties: { apiVersion: {}, kind: {}, metadata: OBJECT_META, spec: specSchema, status: {} } }
const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: true, strictRequired: false, allowUnionTypes: true, ownProperties: true })
addFormats.default(ajv)
const validateSchema = ajv.compile(toJsonSchema(schema))

/** An LlmBatchJob, checked: either the job with its defaults, or all that is wrong with it. */
export type CheckedManifest = { readonly job: JobManifest; readonly locate: Locate } | { readonly findings: readonly LocatedFinding[] }

/** Finds a finding's line in the manifest that it is about. */
export type Locate = (finding: Finding) => LocatedFinding

/**
 * Checks every LlmBatchJob of a manifest's text: YAML, schema and CEL rules of the CRD, and what they cannot say. Documents of other kinds are
 * passed over, as GitOps repositories keep them in one file. Relative file: URIs are relative to the folder of `jobFile`.
 */
export function checkManifests(text: string, jobFile: string): readonly CheckedManifest[] {
  const read = readManifestDocuments(text)
  if ('findings' in read) return [{ findings: read.findings.map((finding) => locateIn(undefined, finding)) }]
  const { documents } = read
  const jobs = documents.length === 1 ? documents : documents.filter(({ value }) => isOurs(value))
  if (jobs.length === 0) return [{ findings: [locateIn(undefined, { path: [], problem: `none of the file's ${documents.length} documents is an LlmBatchJob`, instead: HEAD })] }]
  const seen = new Set<string>()
  return jobs.map((document) => {
    const checked = checkDocument(document, jobFile)
    if (!('job' in checked)) return checked
    const { namespace, name } = checked.job
    const identity = `${namespace ?? ''}/${name}`
    if (seen.has(identity)) return { findings: [locateIn(document, { path: ['metadata', 'name'], problem: `is ${name}, as that of an LlmBatchJob before it in the file`, instead: 'write another name: the second would replace the first' })] }
    seen.add(identity)
    return checked
  })
}

/** Checks a manifest's text that must hold one LlmBatchJob. */
export function checkManifest(text: string, jobFile = 'job.yaml'): CheckedManifest {
  const [first, ...others] = checkManifests(text, jobFile)
  if (first !== undefined && others.length === 0) return first
  return { findings: [locateIn(undefined, { path: [], problem: `the file holds ${others.length + 1} LlmBatchJobs`, instead: 'one is run at a time: write each into a file of its own' })] }
}

function checkDocument(document: ManifestDocument, jobFile: string): CheckedManifest {
  const locate: Locate = (finding) => locateIn(document, finding)
  const located = (findings: readonly Finding[]): CheckedManifest => ({ findings: findings.map(locate).toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)) })
  const { value } = document
  const kind = kindFindings(value)
  if (kind.length > 0 || !isFields(value)) return located(kind)

  dropDefaultedNulls(value, schema)
  const wrong = validateSchema(value) ? [] : schemaFindings(validateSchema.errors ?? [], value, schema)
  const meaning = meaningFindings(value).filter((finding) => !wrong.some((other) => isWithin(finding.path, other.path)))
  const findings = [...wrong, ...celFindings(value, schema, wrong), ...meaning]
  if (findings.length > 0) return located(findings)

  // The schema has just vouched for these types.
  const { metadata, spec } = value as { metadata: Pick<JobManifest, 'name' | 'namespace'>; spec: JobManifest['spec'] }
  const { name, namespace } = metadata
  const job: JobManifest = { name, ...(namespace === undefined ? {} : { namespace }), spec }
  const ofWhole = wholeFindings(job, jobFile)
  return ofWhole.length > 0 ? located(ofWhole) : { job, locate }
}

/** Reads and checks a manifest with one job. Throws InvalidJob, which lists every finding, also when the file cannot be read. */
export async function loadJob(path: string): Promise<JobManifest> {
  const checked = checkManifest(await readManifest(path), path)
  if ('job' in checked) return checked.job
  throw new LlmbatchError('InvalidJob', [`${path} is not a valid LlmBatchJob`, ...formatFindings(checked.findings)].join('\n  '))
}

/** The text of a manifest file; `-` is standard input. Throws InvalidJob when it cannot be read. */
export async function readManifest(path: string): Promise<string> {
  try {
    return path === '-' ? await textOf(process.stdin) : await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : code
    throw new LlmbatchError('InvalidJob', `${path} cannot be read: ${reason}`, { cause: error })
  }
}

/** Whether a document is meant to be an LlmBatchJob, or tells no kind at all. */
function isOurs(value: unknown): boolean {
  if (!isFields(value)) return true
  const { apiVersion, kind } = value
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return true
  return apiVersion.startsWith(api.apiVersion.replace(/\/.*/, '')) || kind.toLowerCase() === api.kind.toLowerCase()
}

function kindFindings(value: unknown): Finding[] {
  if (!isFields(value)) return [{ path: [], problem: 'the document is no object', instead: HEAD }]
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

function locateIn(document: ManifestDocument | undefined, finding: Finding): LocatedFinding {
  const line = finding.line ?? document?.lineOf(finding.path)
  const { code = 'InvalidJob', problem, instead } = finding
  return { code, field: fieldText(finding.path), problem: withoutSignature(problem), ...(instead === undefined ? {} : { instead: withoutSignature(instead) }), ...(line === undefined ? {} : { line }) }
}
