import { dirname, resolve } from 'node:path'
import { sha256 } from '../crds/digest.ts'
import { LlmbatchError } from '../crds/errors.ts'
import type { LlmBatchJobSpec } from '../crds/generated/llmbatchjob.ts'
import type { JobManifest } from './findings.ts'

/** A job as a local run sees it: every URI absolute. */
export interface LocalJob {
  readonly namespace: string
  readonly name: string
  /** A function of namespace and name: no API server gives one out, and a job run again is the same job. */
  readonly uid: string
  readonly spec: LlmBatchJobSpec
}

/** Makes a manifest's job local: `file:./x` is relative to the folder of the job file; s3:// URIs stay. Throws UnsupportedURI. */
export function localJob(manifest: JobManifest, jobFile: string): LocalJob {
  const folder = dirname(resolve(jobFile))
  const { name, namespace = 'default', spec } = manifest
  const digest = sha256(`${namespace}/${name}`)
  return {
    namespace,
    name,
    uid: [digest.slice(0, 8), digest.slice(8, 12), digest.slice(12, 16), digest.slice(16, 20), digest.slice(20, 32)].join('-'),
    spec: {
      ...spec,
      input: { ...spec.input, uri: absoluteUri(spec.input.uri, folder, 'spec.input.uri') },
      output: { ...spec.output, uri: absoluteUri(spec.output.uri, folder, 'spec.output.uri') },
      ...(spec.work === undefined ? {} : { work: { ...spec.work, uri: absoluteUri(spec.work.uri, folder, 'spec.work.uri') } }),
    },
  }
}

/** A job that asks the simulator at `url` in place of its provider. Prices are kept. */
export function withSimulator(job: LocalJob, url: string): LocalJob {
  const { prices } = job.spec.provider
  return { ...job, spec: { ...job.spec, provider: { type: 'Simulated', baseURL: `${url}/v1`, ...(prices === undefined ? {} : { prices }) } } }
}

/** A URI that localJob made, as a person would open it: the path of a file: URI. */
export function shownUri(uri: string): string {
  return uri.startsWith('file://') ? uri.slice('file://'.length) : uri
}

/** For file:, an absolute path, normalised and not percent-encoded; a `/` at the end stays. */
function absoluteUri(uri: string, folder: string, field: string): string {
  if (uri.startsWith('s3://')) return uri
  if (!uri.startsWith('file:')) throw new LlmbatchError('UnsupportedURI', `${field}: ${uri} is neither an s3:// nor a file: URI`)
  const path = uri.slice('file:'.length).replace(/^\/\/(?=\/)/, '')
  const absolute = resolve(folder, path)
  return `file://${absolute}${path.endsWith('/') && absolute !== '/' ? '/' : ''}`
}
