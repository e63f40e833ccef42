import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ERROR_CATALOGUE } from '../crds/errors.ts'
import { formatFindings } from './findings.ts'
import { checkManifest, checkManifests, loadJob } from './load-job.ts'

const testdata = new URL('testdata/', import.meta.url)
const names = readdirSync(testdata).filter((name) => name.endsWith('.yaml'))
const textOf = (name: string): string => readFileSync(new URL(name, testdata), 'utf8')

const GOOD = `
apiVersion: llmbatch.io/v1alpha1
kind: LlmBatchJob
metadata: {name: products}
spec:
  input: {uri: "file:./in/*.parquet"}
  output: {uri: "file:./out/"}
  request: {model: simulated-small, prompt: "Title: {{title}}"}
  provider: {type: Simulated}
`

describe('a manifest that is wrong', () => {
  it.each(names.filter((name) => !name.startsWith('valid-')))('%s: every problem is named with its field, its line and a way out', (name) => {
    const findings = checkManifests(textOf(name), '/jobs/a/job.yaml').flatMap((checked) => ('findings' in checked ? checked.findings : []))
    expect(`${formatFindings(findings).join('\n')}\n`).toBe(textOf(name.replace('.yaml', '.txt')))
  })

  it('is refused as InvalidJob, exit code 64, naming the file', async () => {
    const path = new URL('wrong-enum.yaml', testdata).pathname
    await expect(loadJob(path)).rejects.toMatchObject({ code: 'InvalidJob', exitCode: ERROR_CATALOGUE.InvalidJob.exitCode, message: expect.stringContaining(path) as unknown })
  })

  it('that does not exist, or is a folder, is named', async () => {
    await expect(loadJob('/nonexistent/job.yaml')).rejects.toThrow('/nonexistent/job.yaml cannot be read: there is no such file')
    await expect(loadJob(testdata.pathname)).rejects.toThrow('it is a folder')
  })

  it('over the size that an API server takes is refused before it is parsed', () => {
    expect(checkManifest(GOOD + `# ${'x'.repeat(1.5 * 1024 * 1024)}`)).toMatchObject({ findings: [{ problem: expect.stringContaining('larger than') as unknown }] })
  })

  it('whose spec a runner\'s environment cannot hold is refused, by the size it takes compressed', () => {
    const noise = Array.from({ length: 4_000 }, (_, i) => createHash('sha256').update(String(i)).digest('hex')).join('')
    expect(checkManifest(GOOD.replace('model:', `parameters: {metadata: "${noise.slice(0, 200_000)}"}, model:`))).toMatchObject({
      findings: [{ code: 'SpecTooLarge', field: 'spec.request', problem: expect.stringMatching(/^is too large: the spec takes \d+ characters compressed; the limit is 98304$/) as unknown, line: 8 }],
    })
    expect(checkManifest(GOOD.replace('model:', `parameters: {metadata: "${'x'.repeat(200_000)}"}, model:`))).toHaveProperty('job')
  })

  it('is not run when it holds several jobs', () => {
    expect(checkManifest(`${GOOD}---${GOOD.replace('products', 'prices')}`)).toMatchObject({ findings: [{ problem: 'the file holds 2 LlmBatchJobs', instead: 'one is run at a time: write each into a file of its own' }] })
  })

  it('whose aliases expand without end is refused', () => {
    const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array.from({ length: 10 }, () => `*l${i}`).join(', ')}]`)
    expect(checkManifest(`l0: &l0 [x]\n${levels.join('\n')}\n`)).toMatchObject({ findings: [{ problem: expect.stringContaining('not valid YAML') as unknown }] })
  })
})

describe('a manifest that is right', () => {
  it.each(names.filter((name) => name.startsWith('valid-')))('%s is accepted', (name) => {
    expect(checkManifests(textOf(name), '/jobs/a/job.yaml')).toEqual([expect.objectContaining({ job: expect.anything() as unknown })])
  })

  it('gets the defaults of the CRD, nested ones too', () => {
    expect(checkManifest(GOOD)).toMatchObject({
      job: {
        name: 'products',
        spec: {
          input: { uri: 'file:./in/*.parquet' },
          output: {
            uri: 'file:./out/',
            ifExists: 'Fail',
            columns: { names: { response: 'llm_response', status: 'llm_status', error: 'llm_error', promptTokens: 'llm_prompt_tokens', completionTokens: 'llm_completion_tokens' } },
          },
          request: { model: 'simulated-small', prompt: 'Title: {{title}}' },
          provider: { type: 'Simulated' },
          runner: { memory: '256Mi', parallelism: 10, shardRows: 50_000 },
        },
      },
    })
  })

  it('may be JSON, and may end in a document marker', () => {
    const json = JSON.stringify({
      apiVersion: 'llmbatch.io/v1alpha1',
      kind: 'LlmBatchJob',
      metadata: { name: 'products', namespace: 'catalog' },
      spec: {
        input: { uri: 's3://bucket/in/*.parquet' },
        output: { uri: 's3://bucket/out/' },
        request: { model: 'm', prompt: '{{p}}' },
        provider: { type: 'OpenAI', credentialsSecretRef: { name: 'openai' }, prices: { m: { input: '1', output: '2' } } },
      },
    })
    expect(checkManifest(json)).toMatchObject({ job: { name: 'products', namespace: 'catalog', spec: { provider: { prices: { m: { batchDiscount: '0.5' } } } } } })
    expect(checkManifest(`${GOOD}---\n`)).toHaveProperty('job')
  })

  it('keeps parameters as they are, of any depth', () => {
    const parameters = { max_completion_tokens: 200, response_format: { type: 'json_object' }, logit_bias: { '50256': -100 }, stop: ['\n'] }
    const checked = checkManifest(GOOD.replace('prompt:', `parameters: ${JSON.stringify(parameters)}, prompt:`))
    expect(checked).toMatchObject({ job: { spec: { request: { parameters } } } })
  })
})
