/**
 * `make bench-job`: one job of 200,000 rows on a real S3 server, asked of the simulator, with the same job on local files as its baseline. Prints rates, requests
 * and peak memory; fails when the job does, when a runner passes its memory, or when it takes more requests than REQUEST_LIMIT.
 */
import { mkdtemp, rm, stat, writeFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readAddress } from '../../simulator/serve.ts'
import { storageOf } from '../s3/s3-place.ts'
import { startS3Server } from '../s3/versitygw.ts'
import { repeatedExample } from './job-input.ts'
import { measuredRun, type MeasuredRun } from './measured-run.ts'
import { requestsIn } from './s3-requests.ts'

const ROWS = 200_000
const ROW_GROUP_ROWS = 10_000
const MEMORY_MIB = 512
/** Most S3 requests for 1,000 rows, the probe's apart. */
const REQUEST_LIMIT = 10

const folder = await mkdtemp(join(tmpdir(), 'llmbatch-bench-'))
const server = await startS3Server({ accessLog: true })
const state = join(folder, 'simulator')
try {
  const input = await repeatedExample(ROWS, ROW_GROUP_ROWS)
  console.log(`input: ${ROWS} rows in row groups of ${ROW_GROUP_ROWS}, ${mib(input.length)}; runner.memory ${MEMORY_MIB}Mi, parallelism 2\n`)
  const onFiles = await benchFiles(input)
  const onS3 = await benchS3(input)
  console.log(`\nS3 takes ${(onS3.seconds / onFiles.seconds).toFixed(2)} times as long as local files.`)
} finally {
  const address = await readAddress(state)
  if (address !== null) process.kill(address.process.pid, 'SIGTERM')
  await server.close()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

async function benchFiles(input: Uint8Array): Promise<MeasuredRun> {
  await mkdir(join(folder, 'in'))
  await writeFile(join(folder, 'in', 'rows.parquet'), input)
  return report('local files', await measuredRun([await manifest('files', 'file:./', {}), '--simulator-state', state], {}))
}

async function benchS3(input: Uint8Array): Promise<MeasuredRun> {
  const { endpoint, region, bucket, accessLog = '' } = server
  await storageOf(server).put(`s3://${bucket}/in/rows.parquet`, input, { unconditional: true })
  const before = (await stat(accessLog)).size
  const env = { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey }
  const run = report('S3 (versitygw)', await measuredRun([await manifest('s3', `s3://${bucket}/`, { endpoint, region }), '--simulator-state', state], env))
  const { total, ofProbe, byOperation } = await requestsIn(accessLog, before)
  const perThousand = ((total - ofProbe) / ROWS) * 1000
  console.log(`  S3 requests: ${total - ofProbe}, ${perThousand.toFixed(2)} for 1,000 rows, and ${ofProbe} of the probe, once for a work folder`)
  for (const [operation, count] of [...byOperation].toSorted((a, b) => b[1] - a[1])) console.log(`    ${operation.padEnd(28)} ${count}`)
  if (total === 0) throw new Error('the access log shows no request')
  if (perThousand > REQUEST_LIMIT) throw new Error(`${perThousand.toFixed(2)} S3 requests for 1,000 rows are over the limit of ${REQUEST_LIMIT}`)
  return run
}

/** Writes the manifest of the job under a prompt of its own, so that each run asks every row. */
async function manifest(name: string, root: string, storage: object): Promise<string> {
  const spec = {
    input: { uri: `${root}in/*.parquet` },
    output: { uri: `${root}out/` },
    ...(Object.keys(storage).length === 0 ? {} : { storage }),
    request: {
      model: 'simulated-small',
      system: 'You write for learners of English.',
      prompt: 'Use the {{part_of_speech}} "{{word}}" ({{definition}}) in one short sentence.',
      parameters: { max_completion_tokens: 60 },
      edition: name,
    },
    provider: { type: 'Simulated' },
    runner: { memory: `${MEMORY_MIB}Mi`, parallelism: 2 },
  }
  const file = join(folder, `${name}.yaml`)
  await writeFile(file, JSON.stringify({ apiVersion: 'llmbatch.io/v1alpha1', kind: 'LlmBatchJob', metadata: { name: `bench-${name}` }, spec }))
  return file
}

function report(name: string, run: MeasuredRun): MeasuredRun {
  const { seconds, peakRss, result } = run
  if (result.status.rows?.done !== ROWS || result.status.rows.failed !== 0) throw new Error(`${name}: not every row was answered: ${JSON.stringify(result)}`)
  console.log(`${name}: ${seconds.toFixed(1)} s, ${Math.round(ROWS / seconds)} rows/s`)
  console.log(`  peak RSS of a runner: ${[...peakRss].map(([mode, bytes]) => `${mode} ${mib(bytes)}`).join(', ')}`)
  const most = Math.max(...peakRss.values())
  if (!(most > 0 && most <= MEMORY_MIB * 1024 * 1024)) throw new Error(`${name}: a runner's peak was ${mib(most)}`)
  return run
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`
}
