/**
 * The runner: what runs in a Pod, or in a child process of `llmbatch run`. Reads its task from the environment, writes the outcome to
 * LLMBATCH_OUTCOME_PATH and says the rest by its exit code.
 */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { LlmbatchError, messageOf } from '../crds/errors.ts'
import { EXIT } from '../crds/exit-codes.ts'
import type { LlmBatchJobSpec } from '../crds/generated/llmbatchjob.ts'
import type { Outcome } from '../crds/generated/outcome.ts'
import type { RunnerProgress } from '../crds/progress.ts'
import { decodeRunnerEnvironment, type RunnerInput } from '../crds/runner-environment.ts'
import { makeAppendAssembler } from './formats/append-assembler.ts'
import { makeParquetRowSource } from './formats/parquet-row-source.ts'
import type { Parts } from './mode.ts'
import { CURRENT_CUT } from './plan/cut.ts'
import { makeNodeHttp } from './ports/node-http.ts'
import { FileScratch } from './ports/file-scratch.ts'
import type { Ports } from './ports/ports.ts'
import { systemClock } from './ports/system-clock.ts'
import { systemRandom } from './ports/system-random.ts'
import type { BatchProvider } from './provider/batch-provider.ts'
import { limitsOf } from './provider/limits.ts'
import { makeOpenAIBatchProvider } from './provider/openai-batch-provider.ts'
import { asLlmbatchError, failedOutcome, runMode } from './run-mode.ts'
import { openStorage } from './storage/open-storage.ts'
import type { StorageError } from './storage/storage.ts'

/** Least time between two progress messages, milliseconds. */
const PROGRESS_INTERVAL = 1_000

function stop(): never {
  // At once, like a kill: everything that matters is durable, and the next runner goes on from there.
  process.exit(EXIT.stopped)
}

process.on('SIGTERM', stop)
process.on('SIGINT', stop)
process.on('disconnect', stop)

const env = process.env
const outcomePath = env['LLMBATCH_OUTCOME_PATH']

try {
  const input = decodeRunnerEnvironment(env)
  const end = await runMode(await makeParts(input), input)
  finish(end.outcome, end.exitCode)
} catch (error) {
  const known = asLlmbatchError(error)
  finish(failedOutcome(modeOf(env['LLMBATCH_MODE']), known), known.exitCode)
}

/** The mode that was asked for, as far as it can be told: an outcome has to name one. */
function modeOf(name: string | undefined): Outcome['mode'] {
  return name === 'advance' || name === 'scout' || name === 'merge' ? name : 'plan'
}

async function makeParts(input: RunnerInput): Promise<Parts> {
  const { spec } = input
  const onWait = ({ message }: StorageError): void => {
    log('StorageAwaited', { message })
    report({ mode: input.mode, activity: 'waiting for storage', trouble: message })
  }
  const storage = await openStorage(spec, { env, clock: systemClock, random: systemRandom, onWait })
  const ports: Ports = { storage, http: makeNodeHttp(env), clock: systemClock, random: systemRandom, scratch: new FileScratch(tmpdir()), log }
  return {
    ports,
    source: makeParquetRowSource(storage),
    assembler: makeAppendAssembler(storage),
    provider: makeProvider(spec, input.mode, ports),
    limits: limitsOf(spec.provider),
    cut: CURRENT_CUT,
    report: throttled(report),
  }
}

function makeProvider(spec: LlmBatchJobSpec, mode: Outcome['mode'], ports: Ports): BatchProvider {
  const apiKey = env['API_KEY'] ?? ''
  if (apiKey === '' && (mode === 'advance' || mode === 'scout')) {
    throw new LlmbatchError('SecretNotFound', `API_KEY is not set; it comes from Secret ${spec.provider.credentialsSecretRef?.name ?? '(none named)'} of spec.provider.credentialsSecretRef`)
  }
  return makeOpenAIBatchProvider(spec, ports, apiKey, limitsOf(spec.provider))
}

function log(event: string, fields: Readonly<Record<string, string | number>>): void {
  process.stderr.write(`${JSON.stringify({ event, ...fields })}\n`)
}

/** Sends to the parent of a local run; a Pod has none. */
function report(progress: RunnerProgress): void {
  process.send?.(progress)
}

function throttled(send: (progress: RunnerProgress) => void): (progress: RunnerProgress) => void {
  let sent = -Infinity
  let last = ''
  return (progress) => {
    const now = systemClock.monotonic()
    if (now - sent < PROGRESS_INTERVAL && progress.activity === last) return
    sent = now
    last = progress.activity
    send(progress)
  }
}

function finish(outcome: Outcome, exitCode: number): never {
  if (outcome.result === 'failed') log('Failed', { reason: outcome.reason ?? '', message: outcome.message ?? '' })
  try {
    if (outcomePath !== undefined) writeFileSync(outcomePath, JSON.stringify(outcome))
  } catch (error) {
    log('OutcomeNotWritten', { message: messageOf(error) })
    process.exit(EXIT.transient)
  }
  process.exit(exitCode)
}
