import type { LlmBatchJobStatus } from '../crds/generated/llmbatchjob.ts'
import { IntervalSet } from '../crds/interval-set.ts'
import type { RunnerProgress } from '../crds/progress.ts'
import { parseTime } from '../crds/rfc3339.ts'
import type { LiveMember } from '../operator/local/local-process-cluster.ts'
import type { RunState } from './run-view.ts'

/** What the tracker reads at the moment of a display. */
export interface RunSnapshot {
  readonly status: LlmBatchJobStatus
  readonly live: readonly LiveMember[]
  readonly elapsedMs: number
  /** Wall clock, milliseconds since 1970. */
  readonly now: number
}

/** Puts the job's status and the runners' live reports together for the display. Keeps one report per unfinished shard. */
export class RunTracker {
  readonly #job: string
  readonly #memoryLimit: number
  readonly #shards = new Map<number, RunnerProgress>()
  /** Last activity of each runner that has no shard (plan, scout, merge). */
  readonly #modes = new Map<RunnerProgress['mode'], string>()
  #askedProvider = false
  #peak = 0

  constructor(job: string, memoryLimit: number) {
    this.#job = job
    this.#memoryLimit = memoryLimit
  }

  /** Takes in a runner's report. */
  progress(report: RunnerProgress): void {
    if (report.shard === undefined) this.#modes.set(report.mode, report.activity)
    // A report may leave out what has not changed.
    else this.#shards.set(report.shard, { ...this.#shards.get(report.shard), ...report })
  }

  /** Takes in which runners are at work; to be called whenever one starts. */
  sawRunners(live: readonly LiveMember[]): void {
    if (live.some(({ mode }) => mode === 'advance' || mode === 'scout')) this.#askedProvider = true
  }

  /** Whether a runner that asks the provider has been at work. */
  get askedProvider(): boolean {
    return this.#askedProvider
  }

  state({ status, live, elapsedMs, now }: RunSnapshot): RunState {
    const complete = status.conditions?.find(({ type }) => type === 'Complete')
    const { rows, shards, tokens, cost } = status
    const nextPoll = status.nextPollTime === undefined || live.length > 0 ? undefined : parseTime(status.nextPollTime)
    this.#peak = Math.max(this.#peak, ...live.map(({ rssBytes }) => rssBytes ?? 0))
    const completed = IntervalSet.parse(status.completedShards ?? '')
    for (const shard of this.#shards.keys()) if (completed.has(shard)) this.#shards.delete(shard)
    const open = [...this.#shards.values()]
    const running = new Set(live.flatMap(({ shard }) => (shard === undefined ? [] : [shard])))
    const done = open.reduce((sum, report) => sum + (report.rowsDone ?? 0), 0)
    const submitted = open.reduce((sum, report) => sum + Math.max(report.rowsSubmitted ?? 0, report.rowsDone ?? 0), 0)
    return {
      job: this.#job,
      elapsedMs,
      reason: complete?.reason ?? 'Starting',
      message: complete?.message ?? 'the first runner starts',
      ...(shards === undefined ? {} : { shards: { total: shards.total, done: shards.completed, running: running.size, waiting: shards.waiting, failed: shards.failed } }),
      ...(rows === undefined ? {} : { rows: { total: rows.total, done: Math.min(rows.total, rows.done + done), submitted: Math.min(rows.total, rows.done + submitted), failed: rows.failed } }),
      ...(tokens === undefined ? {} : { tokens }),
      ...(cost === undefined ? {} : { cost }),
      memory: { peak: this.#peak, limit: this.#memoryLimit },
      activities: live.map((member) => this.#activity(member)),
      ...(nextPoll === undefined ? {} : { nextPollMs: Math.max(0, nextPoll - now) }),
    }
  }

  #activity({ mode, shard }: LiveMember): string {
    if (shard === undefined) return `${mode} ${this.#modes.get(mode) ?? 'starting'}`
    const report = this.#shards.get(shard)
    return `shard ${shard} ${report === undefined ? 'starting' : report.activity}`
  }
}
