import { encodeRunnerEnvironment } from '../crds/runner-environment.ts'
import { IntervalSet } from '../crds/interval-set.ts'
import { LlmbatchError } from '../crds/errors.ts'
import { placeProblems } from '../runner/plan/output-place.ts'
import type { Finding, JobManifest } from './findings.ts'
import { localJob } from './local-job.ts'
import { metadataFindings } from './metadata-findings.ts'
import { isFields, type PartialSpec } from './partial-spec.ts'
import { providerFindings } from './provider-findings.ts'
import { requestFindings } from './request-findings.ts'
import { runnerFindings } from './runner-findings.ts'
import { storageFindings } from './storage-findings.ts'
import { uriFindings } from './uri-findings.ts'

/** What a schema cannot say of a manifest, field by field. Fields of the wrong type are passed over; the schema names them. */
export function meaningFindings(manifest: Readonly<Record<string, unknown>>): Finding[] {
  const spec: PartialSpec = isFields(manifest['spec']) ? manifest['spec'] : {}
  return [...metadataFindings(manifest), ...uriFindings(spec), ...storageFindings(spec), ...requestFindings(spec), ...providerFindings(spec), ...runnerFindings(spec)]
}

/** What is wrong with a job whose every field is right: folders that lie in each other, and the size of the whole. */
export function wholeFindings(job: JobManifest, jobFile: string): Finding[] {
  const { namespace, name, uid, spec } = localJob(job, jobFile)
  const findings: Finding[] = placeProblems(spec).map(({ code, field, problem }) => ({ code, path: field.split('.'), problem, instead: 'write a folder outside the input pattern' }))
  try {
    encodeRunnerEnvironment({ mode: 'plan', job: { namespace, name, uid }, spec, set: IntervalSet.EMPTY })
  } catch (error) {
    if (!(error instanceof LlmbatchError) || error.code !== 'SpecTooLarge') throw error
    findings.push({ code: error.code, path: ['spec', 'request'], problem: `is too large: ${error.message}`, instead: error.remedy })
  }
  return findings
}
