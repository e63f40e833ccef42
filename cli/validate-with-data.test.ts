import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ERROR_CATALOGUE } from '../crds/errors.ts'
import { runCli } from './cli-process.ts'

const GOOD = readFileSync(new URL('../test/sim/testdata/a.parquet', import.meta.url))

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llmbatch-with-data-'))
  mkdirSync(join(folder, 'in'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function writeJob(name: string, spec: string): string {
  const path = join(folder, `${name}.yaml`)
  writeFileSync(path, `apiVersion: llmbatch.io/v1alpha1\nkind: LlmBatchJob\nmetadata: {name: ${name}}\nspec:\n${spec}  provider: {type: OpenAI, credentialsSecretRef: {name: openai}}\n`)
  return path
}

const ofFiles = (prompt: string, columns = '{}'): string => `  input: {uri: "file:./in/*.parquet"}\n  output: {uri: "file:./out/", columns: {names: ${columns}}}\n  request: {model: gpt-5-mini, prompt: "${prompt}"}\n`

describe('llmbatch validate --with-data', { timeout: 60_000 }, () => {
  it('is content with a job that could be planned, and leaves nothing in its output folder', async () => {
    writeFileSync(join(folder, 'in/a.parquet'), GOOD)
    const job = writeJob('good', ofFiles('{{title}}'))
    expect(await runCli(['validate', '--with-data', job])).toEqual({ code: 0, stdout: `${job}: valid\n`, stderr: '' })
    expect(readdirSync(join(folder, 'out'))).toEqual([])
  })

  it('names every problem of every file, with the field that it is about', async () => {
    writeFileSync(join(folder, 'in/a.parquet'), GOOD)
    writeFileSync(join(folder, 'in/b.parquet'), '')
    writeFileSync(join(folder, 'in/c.parquet'), 'id,title\n1,Lamp\n')
    mkdirSync(join(folder, 'out'))
    writeFileSync(join(folder, 'out/a.parquet'), 'precious')
    const job = writeJob('several', ofFiles('{{title}} {{prise}}', '{response: ID}'))
    const { code, stdout } = await runCli(['validate', '--with-data', job])
    expect(code).toBe(64)
    const input = `file://${folder}/in`
    expect(stdout).toBe(`${job}: 5 problems
  line 7: spec.request.prompt names {{prise}}, but ${input}/a.parquet has no such column; its columns are: id, title
    ${ERROR_CATALOGUE.UnknownColumn.remedy}
  line 6: spec.output.columns.names.response is "ID", but ${input}/a.parquet has a column "id"
    ${ERROR_CATALOGUE.ColumnExists.remedy}
  line 6: spec.output.uri holds file://${folder}/out/a.parquet already, which this job did not write
    ${ERROR_CATALOGUE.OutputExists.remedy}
  line 5: spec.input.uri matches ${input}/b.parquet: it has 0 bytes: its upload or its writer failed
    ${ERROR_CATALOGUE.InvalidInput.remedy}
  line 5: spec.input.uri matches ${input}/c.parquet: it is not Parquet; it looks like CSV, which is not read yet: convert it to Parquet
`)
  })

  it('tells what is wrong with a manifest that names a Secret, and nothing of the Secret', async () => {
    const job = writeJob('typo', ofFiles('{{title}}').replace('prompt', 'promt'))
    const { code, stdout, stderr } = await runCli(['validate', '--with-data', '--secret', 'openai=x.env', '-o', 'json', job])
    expect({ code, stderr }).toEqual({ code: 64, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject([{ valid: false, findings: [{ code: 'InvalidJob', field: expect.stringContaining('spec.request.prom') as string }, {}] }])
  })

  it('checks several jobs, and says the same as JSON', async () => {
    const good = writeJob('good', ofFiles('{{title}}'))
    const wrong = writeJob('wrong', ofFiles('title'))
    const { code, stdout } = await runCli(['validate', '--with-data', '-o', 'json', good, wrong])
    expect(code).toBe(64)
    expect(JSON.parse(stdout)).toEqual([
      { file: good, valid: false, findings: [{ code: 'InputNotFound', field: 'spec.input.uri', problem: `file://${folder}/in/*.parquet matches nothing: nothing lies under file://${folder}/in/`, instead: ERROR_CATALOGUE.InputNotFound.remedy, line: 5 }] },
      { file: wrong, valid: false, findings: [expect.objectContaining({ code: 'InvalidTemplate', field: 'spec.request.prompt', line: 7 })] },
    ])
  })

  it('ends with the exit code of storage that refuses the credentials', async () => {
    const server = createServer((_, response) => response.writeHead(403, { 'content-type': 'application/xml' }).end('<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>'))
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as AddressInfo
      writeFileSync(join(folder, 's3.env'), 'AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=secret\n')
      const storage = `  storage: {endpoint: "http://127.0.0.1:${port}", credentialsSecretRef: {name: s3}}\n`
      const job = writeJob('denied', `${ofFiles('{{title}}').replaceAll('file:./', 's3://catalog/')}${storage}`)
      const { code, stdout } = await runCli(['validate', '--with-data', '--secret', `s3=${join(folder, 's3.env')}`, '-o', 'json', job])
      expect(code).toBe(77)
      expect(JSON.parse(stdout)).toEqual([{ file: job, valid: false, findings: [expect.objectContaining({ code: 'StorageDenied', field: 'spec.storage.credentialsSecretRef', line: 8 })] }])
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => void server.close(resolve))
    }
  })

  it('asks for the Secret of storage, and refuses one that no job names', async () => {
    const job = writeJob('s3', `${ofFiles('{{title}}').replaceAll('file:./', 's3://catalog/')}  storage: {credentialsSecretRef: {name: s3}}\n`)
    const missing = await runCli(['validate', '--with-data', job])
    expect(missing).toMatchObject({ code: 77, stdout: expect.stringContaining('neither --secret s3=ENVFILE is given nor is AWS_ACCESS_KEY_ID set in the environment') as unknown })
    expect(await runCli(['validate', '--with-data', '--secret', 's4=x.env', job])).toMatchObject({ code: 77, stderr: expect.stringContaining('not s4') as unknown })
    expect(await runCli(['validate', '--secret', 's3=x.env', job])).toMatchObject({ code: 64, stderr: 'error: --secret and --config-map are for --with-data\n(llmbatch validate --help tells more)\n' })
  })
})
