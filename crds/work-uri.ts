import type { LlmBatchJobSpec } from './generated/llmbatchjob.ts'

/** Where the job's work is kept; ends in `/`. Default: `.llmbatch/` at the root of the output's bucket, or beside the output folder for file:. */
export function workUri(spec: Pick<LlmBatchJobSpec, 'work' | 'output'>): string {
  if (spec.work !== undefined) return spec.work.uri
  const { uri } = spec.output
  if (uri.startsWith('s3://')) return `${uri.slice(0, uri.indexOf('/', 's3://'.length))}/.llmbatch/`
  // The root of the file system has nothing beside it: its work lies in it.
  if (/^file:\/*$/.test(uri)) return `${uri}.llmbatch/`
  const folder = uri.replace(/\/+$/, '')
  return `${folder.slice(0, folder.lastIndexOf('/'))}/.llmbatch/`
}
