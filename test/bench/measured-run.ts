import { readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCli } from '../../cli/cli-process.ts'
import { childrenOf } from '../kill/job-folder.ts'

/** Time between two looks at the processes, milliseconds. The kernel keeps the peak, so only a process that lives shorter is missed. */
const LOOK_MS = 50

/** What a run of a job took. */
export interface MeasuredRun {
  readonly seconds: number
  /** Largest peak of resident memory among the runners of each mode, bytes. */
  readonly peakRss: ReadonlyMap<string, number>
  /** What `llmbatch run -o json` printed. */
  readonly result: { readonly reason: string; readonly status: { readonly rows?: { readonly done: number; readonly failed: number } } }
}

/** Runs `llmbatch run FILE` and watches its runners. Throws with its words when it fails. Linux only. */
export async function measuredRun(args: readonly string[], env: Readonly<Record<string, string>>): Promise<MeasuredRun> {
  const started = performance.now()
  const run = startCli(['run', ...args, '-o', 'json'], env)
  const peakRss = new Map<string, number>()
  let running = true
  const ended = run.ended.finally(() => (running = false))
  while (running) {
    for (const pid of run.pid === undefined ? [] : childrenOf(run.pid)) {
      const seen = await peakOf(pid)
      if (seen !== null) peakRss.set(seen.mode, Math.max(seen.bytes, peakRss.get(seen.mode) ?? 0))
    }
    await Promise.race([sleep(LOOK_MS), ended])
  }
  const { code, stdout, stderr } = await ended
  if (code !== 0) throw new Error(`the run ended with exit code ${code}:\n${stderr}`)
  return { seconds: (performance.now() - started) / 1000, peakRss, result: JSON.parse(stdout) as MeasuredRun['result'] }
}

/** Mode and peak resident memory of a runner; null when the process is none, or has just ended. */
async function peakOf(pid: number): Promise<{ readonly mode: string; readonly bytes: number } | null> {
  try {
    const mode = /(?:^|\0)LLMBATCH_MODE=([a-z]+)/.exec(await readFile(`/proc/${pid}/environ`, 'utf8'))?.[1]
    const kib = /^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
    return mode === undefined || kib === undefined ? null : { mode, bytes: Number(kib) * 1024 }
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null
    throw error
  }
}
