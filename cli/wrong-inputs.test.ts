import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, startSimulator, type CliProcess } from './cli-process.ts'

const fixture = (path: string): Buffer => readFileSync(new URL(`../${path}`, import.meta.url))
/** 24 rows: id, title. */
const GOOD = fixture('test/sim/testdata/a.parquet')
/** 10 rows, one row group: id, title. */
const OTHER = fixture('test/sim/testdata/b.parquet')
/** 341 rows: synset, words (a list), gloss (a struct), … */
const NOUNS = fixture('examples/nouns/data/shape.parquet')
const corpus = (name: string): Buffer => fixture(`runner/formats/testdata/${name}`)

const withoutBytes = (bytes: Buffer, from: number, to: number): Buffer => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
const overwritten = (bytes: Buffer, at: number, by: readonly number[]): Buffer => {
  const copy = Buffer.from(bytes)
  copy.set(by, at < 0 ? copy.length + at : at)
  return copy
}

interface Case {
  /** Files of the job's folder, by path. */
  readonly files: Readonly<Record<string, string | Buffer>>
  readonly input?: string
  readonly prompt?: string
  readonly columns?: string
  readonly reason: string
  /** Of the condition; DIR stands for the URI of the job's folder. */
  readonly message: string
}

const inFile = (what: string): string => `spec.input.uri matches DIR/in/a.parquet: ${what}`
const unknown = (name: string, rest: string): string => `spec.request.prompt names {{${name}}}, but DIR/in/a.parquet ${rest}`

const CASES: Readonly<Record<string, Case>> = {
  'a misspelt column': { files: { 'in/a.parquet': GOOD }, prompt: '{{titel}}', reason: 'UnknownColumn', message: unknown('titel', 'has no such column; near matches: title') },
  'a column in another case': { files: { 'in/a.parquet': GOOD }, prompt: '{{Title}}', reason: 'UnknownColumn', message: unknown('Title', 'has no such column; it has {{title}}: the name must be the same to the letter') },
  'a field of a column that has none': { files: { 'in/a.parquet': GOOD }, prompt: '{{title.en}}', reason: 'UnknownColumn', message: unknown('title.en', 'has no such column; title is BYTE_ARRAY STRING there, which has no fields') },
  'a struct as text': { files: { 'in/a.parquet': NOUNS }, prompt: '{{gloss}}', reason: 'UnsupportedColumn', message: unknown('gloss', 'has it as struct; write {{json gloss}}, or name one of its fields') },
  'a binary column': { files: { 'in/a.parquet': corpus('fixed_length_byte_array.parquet') }, prompt: '{{flba_field}}', reason: 'UnsupportedColumn', message: unknown('flba_field', 'has it as FIXED_LEN_BYTE_ARRAY(4); it is binary of 4 bytes; it has no exact text') },
  'files of two schemas': {
    files: { 'in/a.parquet': NOUNS, 'in/b.parquet': OTHER },
    prompt: '{{title}}',
    reason: 'UnknownColumn',
    message: unknown('title', 'has no such column, while DIR/in/b.parquet has it as BYTE_ARRAY STRING; its columns are: synset, words, gloss, gloss.definition, gloss.example'),
  },
  'a column name that the input has': { files: { 'in/a.parquet': GOOD }, columns: '{response: Title}', reason: 'ColumnExists', message: 'spec.output.columns.names.response is "Title", but DIR/in/a.parquet has a column "title"' },
  'an empty file': { files: { 'in/a.parquet': '' }, reason: 'InvalidInput', message: inFile('it has 0 bytes: its upload or its writer failed') },
  'a file that was cut in its data': { files: { 'in/a.parquet': GOOD.subarray(0, 300) }, reason: 'InvalidInput', message: inFile('it starts like Parquet but has no end: it was cut off, or is still being written') },
  'a file that was cut in its last bytes': { files: { 'in/a.parquet': GOOD.subarray(0, -2) }, reason: 'InvalidInput', message: inFile('it starts like Parquet but has no end: it was cut off, or is still being written') },
  'a file that lost its start': { files: { 'in/a.parquet': GOOD.subarray(100) }, reason: 'InvalidInput', message: inFile('it ends like Parquet but does not start with "PAR1": its start is lost') },
  'a file that lost bytes in its middle': {
    files: { 'in/a.parquet': withoutBytes(OTHER, 50, 90) },
    reason: 'InvalidInput',
    message: inFile('column "title" of row group 0 would lie at bytes 154-379, outside the file\'s data: the file lost bytes or was changed'),
  },
  'a footer longer than the file': { files: { 'in/a.parquet': overwritten(GOOD, -8, [0xff, 0xff, 0, 0]) }, reason: 'InvalidInput', message: inFile('its footer would have 65535 bytes, more than the file holds: it is damaged') },
  'a footer of other bytes': { files: { 'in/a.parquet': overwritten(GOOD, -60, Array.from({ length: 40 }, () => 0xff)) }, reason: 'InvalidInput', message: inFile('its footer is damaged: ') },
  'CSV': { files: { 'in/a.parquet': 'id,title\n1,Lamp\n' }, reason: 'InvalidInput', message: inFile('it is not Parquet; it looks like CSV, which is not read yet: convert it to Parquet') },
  'JSON lines': { files: { 'in/a.parquet': '{"id": 1, "title": "Lamp"}\n' }, reason: 'InvalidInput', message: inFile('it is not Parquet; it looks like JSON, which is not read yet: convert it to Parquet') },
  'Parquet in gzip': { files: { 'in/a.parquet': gzipSync(GOOD) }, reason: 'InvalidInput', message: inFile('it is not Parquet; it looks like gzip: decompress it, for Parquet compresses its own pages') },
  'an error page': { files: { 'in/a.parquet': '<!doctype html><title>Sign in</title>' }, reason: 'InvalidInput', message: inFile('it is not Parquet; it looks like an HTML page: a download brought an error or a login page') },
  'a pointer of Git LFS': { files: { 'in/a.parquet': 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n' }, reason: 'InvalidInput', message: inFile('it is not Parquet; it looks like a pointer of Git LFS: run git lfs pull') },
  'an encrypted file': { files: { 'in/a.parquet': corpus('encrypt_columns_and_footer_aad.parquet.encrypted') }, reason: 'InvalidInput', message: inFile('its footer is encrypted: write it without encryption') },
  'no folder': { files: {}, reason: 'InputNotFound', message: 'spec.input.uri DIR/in/*.parquet matches nothing: nothing lies under DIR/in/' },
  'a folder in place of a file': { files: { 'in/a.parquet': GOOD }, input: 'in', reason: 'InputNotFound', message: 'spec.input.uri DIR/in matches nothing: it is a folder: write DIR/in/*.parquet' },
  'names that are skipped': { files: { 'in/_a.parquet': GOOD }, reason: 'InputNotFound', message: 'spec.input.uri DIR/in/*.parquet matches nothing: names that start with "_" or "." are skipped: DIR/in/_a.parquet' },
  'a percent-encoded name': {
    files: { 'in/a b.parquet': GOOD },
    input: 'in/a%20b.parquet',
    reason: 'InputNotFound',
    message: 'spec.input.uri DIR/in/a%20b.parquet matches nothing: a URI is taken as it stands, not percent-decoded, and there is DIR/in/a b.parquet',
  },
  'an output of somebody else': { files: { 'in/a.parquet': GOOD, 'out/a.parquet': 'precious' }, reason: 'OutputExists', message: 'spec.output.uri holds DIR/out/a.parquet already, which this job did not write' },
  'several at once': {
    files: { 'in/a.parquet': 'text', 'in/b.parquet': '', 'in/c.parquet': GOOD },
    reason: 'InvalidInput',
    message: inFile('it is not Parquet; it looks like text, which is not read yet: convert it to Parquet (and 1 more problem: `llmbatch validate --with-data` lists them)'),
  },
}

let root = ''
let simulator: CliProcess
let url = ''

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'llmbatch-wrong-inputs-'))
  ;({ simulator, url } = await startSimulator(join(root, 'simulator')))
}, 30_000)

afterAll(async () => {
  simulator.kill('SIGTERM')
  await simulator.ended
  rmSync(root, { recursive: true, force: true })
})

describe('a job whose input is wrong', () => {
  it.concurrent.each(Object.entries(CASES))('%s: fails by its name, with what to do, before anything is asked', { timeout: 60_000 }, async (name, { files, input = 'in/*.parquet', prompt = '{{title}}', columns, reason, message }) => {
    const folder = join(root, name.replaceAll(' ', '-'))
    mkdirSync(folder)
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
    const job = join(folder, 'job.yaml')
    writeFileSync(
      job,
      `apiVersion: llmbatch.io/v1alpha1
kind: LlmBatchJob
metadata: {name: wrong}
spec:
  input: {uri: "file:./${input}"}
  output: {uri: "file:./out/"${columns === undefined ? '' : `, columns: {names: ${columns}}`}}
  request: {model: simulated-small, prompt: ${JSON.stringify(prompt)}}
  provider: {type: OpenAI, credentialsSecretRef: {name: openai}}
`,
    )
    const { code, stdout } = await runCli(['run', job, '--provider', 'simulated', '--simulator-state', join(root, 'simulator'), '-o', 'json'])
    const end = JSON.parse(stdout) as { reason: string; message: string; providerAsked: boolean; status: { conditions: { type: string; status: string; reason: string; message: string }[] } }
    const shown = end.message.replaceAll(`file://${folder}`, 'DIR')
    expect({ code, reason: end.reason, message: message.endsWith(': ') ? shown.slice(0, message.length) : shown, providerAsked: end.providerAsked }).toEqual({ code: 64, reason, message, providerAsked: false })
    expect(end.status.conditions.find(({ type }) => type === 'Failed')).toMatchObject({ status: 'True', reason, message: end.message })
  })

  it('costs nothing', async () => {
    expect(await (await fetch(`${url}/simulator/bill`)).text()).toBe('')
    expect(((await (await fetch(`${url}/simulator/state`)).json()) as { calls: unknown }).calls).toEqual({})
  })
})
