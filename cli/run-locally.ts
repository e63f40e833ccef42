import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LlmBatchJobSpec, LlmBatchJobStatus } from '../crds/generated/llmbatchjob.ts'
import { LlmbatchError } from '../crds/errors.ts'
import { quantityBytes } from '../operator/core/quantity.ts'
import { LocalProcessCluster } from '../operator/local/local-process-cluster.ts'
import { runJob } from '../operator/local/run-job.ts'
import { makeParquetRowSource } from '../runner/formats/parquet-row-source.ts'
import { systemClock } from '../runner/ports/system-clock.ts'
import { systemRandom } from '../runner/ports/system-random.ts'
import { openStorage } from '../runner/storage/open-storage.ts'
import { isStorageError } from '../runner/storage/storage.ts'
import type { LocalJob } from './local-job.ts'
import type { RowSample } from './result-view.ts'
import { RunDisplay, type DisplayStream } from './run-display.ts'
import { RunTracker } from './run-tracker.ts'
import { sampleRows } from './sample-rows.ts'
import type { StopSignals } from './stop-signals.ts'

/** Least time between two notes of what runners wait for, milliseconds. */
const TROUBLE_INTERVAL = 10_000

export interface LocalRunInput {
  readonly job: LocalJob
  /** Variables of the runners: credentials and network settings. */
  readonly runnerEnv: Readonly<Record<string, string>>
  /** This process's own. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where progress is shown. */
  readonly stream: DisplayStream
  readonly signals: StopSignals
}

/** How a job ended. */
export interface LocalRun {
  readonly complete: boolean
  /** Of the condition Complete, or Failed. */
  readonly reason: string
  readonly message: string
  readonly status: LlmBatchJobStatus
  /** Whether a runner that asks the provider was at work. */
  readonly providerAsked: boolean
  readonly elapsedMs: number
  /** A few rows of the output; null when there is none. */
  readonly sample: RowSample | null
}

/** Runs a job to its end in child processes, showing how it goes. Rejects with the signal's reason when stopped; by then every child has ended. */
export async function runLocally({ job, runnerEnv, env, stream, signals }: LocalRunInput): Promise<LocalRun> {
  signals.signal.throwIfAborted()
  const { namespace, name, uid, spec } = job
  const ref = { namespace, name, uid }
  const started = systemClock.monotonic()
  // A runner that is killed cannot clean its scratch disk up.
  const scratch = await mkdtemp(join(tmpdir(), 'llmbatch-scratch-'))
  const cluster = await LocalProcessCluster.open({ job: ref, spec, env: { ...runnerEnv, TMPDIR: scratch } })
  const tracker = new RunTracker(name, quantityBytes(spec.runner.memory, 'spec.runner.memory'))
  const elapsed = (): number => systemClock.monotonic() - started
  const display = new RunDisplay(stream, env, () => tracker.state({ status: cluster.status, live: cluster.live(), elapsedMs: elapsed(), now: systemClock.now() }))
  cluster.onChange(() => tracker.sawRunners(cluster.live()))
  let toldAt = -Infinity
  cluster.onProgress((_, progress) => {
    tracker.progress(progress)
    // Every runner that waits reports it, again and again.
    if (progress.trouble === undefined || elapsed() - toldAt < TROUBLE_INTERVAL) return
    toldAt = elapsed()
    display.note(`waiting: ${progress.trouble}`)
  })
  cluster.onEvent(({ type, reason, message }) => {
    // How the job ended is told at the end.
    const isEnd = cluster.status.conditions?.some((condition) => condition.type === 'Failed' && condition.status === 'True' && condition.message === message)
    if (type === 'Warning' && isEnd !== true) display.note(`warning: ${reason}: ${message}`)
  })
  signals.onSecond(() => {
    for (const { pid } of cluster.live()) if (pid !== undefined) killNow(pid)
  })
  signals.signal.addEventListener('abort', () => display.note('stopping; once more kills at once'), { once: true })
  display.start(systemClock)
  let status: LlmBatchJobStatus | null
  try {
    status = await runJob(cluster, ref, systemClock, signals.signal)
  } finally {
    await cluster.close()
    await rm(scratch, { recursive: true, force: true })
    await display.close()
  }
  const end = status?.conditions?.find((condition) => (condition.type === 'Complete' || condition.type === 'Failed') && condition.status === 'True')
  if (status === null || end === undefined) throw new LlmbatchError('InternalError', `job ${name} ended without a condition that says how`)
  const complete = end.type === 'Complete'
  const sample = complete ? await sampleOrNote(spec, runnerEnv, display) : null
  return { complete, reason: end.reason, message: end.message, status, providerAsked: tracker.askedProvider, elapsedMs: elapsed(), sample }
}

/** Rows to show. The job is complete without them, so a store that fails just now is noted. */
async function sampleOrNote(spec: LlmBatchJobSpec, env: LocalRunInput['runnerEnv'], display: RunDisplay): Promise<RowSample | null> {
  try {
    const storage = await openStorage(spec, { env, clock: systemClock, random: systemRandom })
    return await sampleRows(spec, storage, makeParquetRowSource(storage))
  } catch (error) {
    if (!isStorageError(error)) throw error
    display.note(`warning: no rows are shown: ${error.message}`)
    return null
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // It has just ended by itself.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
