import { ERROR_CATALOGUE, LlmbatchError, type ErrorCode } from '../crds/errors.ts'
import type { LlmBatchJobSpec } from '../crds/generated/llmbatchjob.ts'
import { workUri } from '../crds/work-uri.ts'
import { makeAppendAssembler } from '../runner/formats/append-assembler.ts'
import { makeParquetRowSource } from '../runner/formats/parquet-row-source.ts'
import { checkInputs } from '../runner/plan/check-inputs.ts'
import type { InputProblems } from '../runner/plan/input-problem.ts'
import { systemClock } from '../runner/ports/system-clock.ts'
import { systemRandom } from '../runner/ports/system-random.ts'
import { openStorage } from '../runner/storage/open-storage.ts'
import { ensureProbed } from '../runner/storage/probe.ts'
import { StorageError } from '../runner/storage/storage.ts'
import type { Finding } from './findings.ts'
import type { LocalJob } from './local-job.ts'
import { runnerCredentials } from './runner-credentials.ts'
import type { LocalSources } from './secrets.ts'

/**
 * What planning would find, all at once: storage that cannot be used, inputs and their columns, outputs in the way. Reads footers, begins and drops
 * one upload, and writes what the probe of a store writes; asks no provider.
 */
export async function dataFindings(job: LocalJob, sources: LocalSources): Promise<Finding[]> {
  const { spec } = job
  try {
    const ports = { clock: systemClock, random: systemRandom }
    const env = runnerCredentials({ ...spec, provider: { type: 'Simulated' } }, sources)
    const onWait = ({ message }: StorageError): void => void process.stderr.write(`waiting: ${message}\n`)
    const storage = await openStorage(spec, { env, ...ports, onWait })
    const readers = { storage, source: makeParquetRowSource(storage), assembler: makeAppendAssembler(storage), onFooter: () => undefined }
    const checked = await checkInputs(readers, spec)
    return withWaysOut([...problemFindings(checked), ...(await probeFindings(spec, { storage, ...ports }))])
  } catch (error) {
    return withWaysOut([asFinding(error, spec)])
  }
}

async function probeFindings(spec: LlmBatchJobSpec, ports: Parameters<typeof ensureProbed>[0]): Promise<Finding[]> {
  try {
    await ensureProbed(ports, workUri(spec))
    return []
  } catch (error) {
    return [asFinding(error, spec)]
  }
}

function problemFindings({ problems, moreFiles }: InputProblems): Finding[] {
  const findings: Finding[] = problems.map(({ code, field, problem }) => ({ code, path: field.split('.'), problem }))
  const [first] = problems
  if (first === undefined || moreFiles === 0) return findings
  return [...findings, { code: first.code, path: ['spec', 'input', 'uri'], problem: `matches ${moreFiles} more file${moreFiles === 1 ? '' : 's'} with problems` }]
}

/** An error of the catalogue as a finding; any other is thrown. */
function asFinding(error: unknown, spec: LlmBatchJobSpec): Finding {
  if (!(error instanceof StorageError) && !(error instanceof LlmbatchError)) throw error
  const { code } = error
  const field = FIELDS[code] ?? (code === 'BucketNotFound' && error instanceof StorageError ? bucketField(error.uri, spec) : undefined)
  return field === undefined ? { code, path: [], problem: `${code}: ${error.message}` } : { code, path: ['spec', ...field], problem: `gives ${code}: ${error.message}` }
}

/** Which field an error of storage is about, where it is always the same. */
const FIELDS: Partial<Record<ErrorCode, readonly string[]>> = {
  StorageHostNotFound: ['storage', 'endpoint'],
  StorageTLSFailed: ['storage', 'endpoint'],
  StorageUnsuitable: ['storage', 'endpoint'],
  BucketRegionMismatch: ['storage', 'region'],
  StorageDenied: ['storage', 'credentialsSecretRef'],
}

/** The field that names the bucket of an object. */
function bucketField(uri: string, spec: LlmBatchJobSpec): readonly string[] | undefined {
  const [bucket = ''] = /^s3:\/\/[^/]*\//.exec(uri) ?? []
  return (['input', 'output', 'work'] as const).filter((part) => spec[part]?.uri.startsWith(bucket)).map((part) => [part, 'uri'])[0]
}

/** Adds the way out of each code's entry in the catalogue, where it is met first. */
function withWaysOut(findings: readonly Finding[]): Finding[] {
  const seen = new Set<ErrorCode>()
  return findings.map((finding) => {
    const { code } = finding
    if (code === undefined || seen.has(code)) return finding
    seen.add(code)
    return { ...finding, instead: ERROR_CATALOGUE[code].remedy }
  })
}
