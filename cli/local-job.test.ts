import { describe, expect, it } from 'vitest'
import { checkManifest } from './load-job.ts'
import { localJob, shownUri, withSimulator, type LocalJob } from './local-job.ts'

function jobWith(uris: { input: string; output: string; work?: string }, more = ''): LocalJob {
  const checked = checkManifest(`
apiVersion: llmbatch.io/v1alpha1
kind: LlmBatchJob
metadata: {name: products${more}}
spec:
  input: {uri: ${JSON.stringify(uris.input)}}
  output: {uri: ${JSON.stringify(uris.output)}}
${uris.work === undefined ? '' : `  work: {uri: ${JSON.stringify(uris.work)}}`}
  request: {model: m, prompt: "{{a}}"}
  provider: {type: OpenAI, credentialsSecretRef: {name: openai}, prices: {m: {input: "1", output: "2"}}}
`)
  if (!('job' in checked)) throw new Error(JSON.stringify(checked.findings))
  return localJob(checked.job, '/jobs/a/job.yaml')
}

describe('URIs of a local job', () => {
  it.each([
    ['file:./in/*.parquet', 'file:///jobs/a/in/*.parquet'],
    ['file:../data/**/x.parquet', 'file:///jobs/data/**/x.parquet'],
    ['file:in.parquet', 'file:///jobs/a/in.parquet'],
    ['file:/abs/in.parquet', 'file:///abs/in.parquet'],
    ['file:///abs/a b%20c/../in.parquet', 'file:///abs/in.parquet'],
    ['file:./a b%20#?.parquet', 'file:///jobs/a/a b%20#?.parquet'],
  ])('input %s becomes %s', (uri, absolute) => {
    expect(jobWith({ input: uri, output: 'file:./out/' }).spec.input.uri).toBe(absolute)
  })

  it('keep the slash that makes a folder', () => {
    const { spec } = jobWith({ input: 'file:./in.parquet', output: 'file:./out//', work: 'file:///w/../kept/' })
    expect(spec.output.uri).toBe('file:///jobs/a/out/')
    expect(spec.work?.uri).toBe('file:///kept/')
    expect(shownUri(spec.output.uri)).toBe('/jobs/a/out/')
  })

  it('of S3 stay as they are', () => {
    const { spec } = jobWith({ input: 's3://bucket/a b/*.parquet', output: 's3://bucket/out/' })
    expect(spec.input.uri).toBe('s3://bucket/a b/*.parquet')
    expect(shownUri(spec.output.uri)).toBe('s3://bucket/out/')
  })
})

describe('the identity of a local job', () => {
  const uris = { input: 'file:./in.parquet', output: 'file:./out/' }

  it('is the same each time, and another for another name or namespace', () => {
    const job = jobWith(uris)
    expect(job).toMatchObject({ namespace: 'default', name: 'products' })
    expect(job.uid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(jobWith(uris).uid).toBe(job.uid)
    expect(jobWith(uris, ', namespace: catalog').uid).not.toBe(job.uid)
  })
})

describe('a job with the simulator in place of its provider', () => {
  it('has its address, no credentials, and the prices of the job', () => {
    expect(withSimulator(jobWith({ input: 'file:./in.parquet', output: 'file:./out/' }), 'http://127.0.0.1:8080').spec.provider).toEqual({
      type: 'Simulated',
      baseURL: 'http://127.0.0.1:8080/v1',
      prices: { m: { input: '1', output: '2', batchDiscount: '0.5' } },
    })
  })
})
