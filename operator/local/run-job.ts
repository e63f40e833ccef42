import type { LlmBatchJobStatus } from '../../crds/generated/llmbatchjob.ts'
import type { Clock } from '../clock.ts'
import type { Cluster, JobRef } from '../cluster.ts'
import { reconcile } from '../core/reconcile.ts'

/** A cluster that tells of changes. */
export interface WatchableCluster extends Cluster {
  /** Calls back on each change. Returns the way to stop that. */
  onChange(listener: () => void): () => void
}

/**
 * Reconciles a job until it has ended, sleeping until something changes or its next time comes. Returns the last status: Complete or Failed is
 * True in it. Null when there is no such job. Rejects with the signal's reason when it aborts; the cluster's runners go on until it is closed.
 */
export async function runJob(cluster: WatchableCluster, job: JobRef, clock: Clock, signal: AbortSignal): Promise<LlmBatchJobStatus | null> {
  // A change while a reconcile is under way must not be slept through.
  let changed = false
  let wake: (() => void) | undefined
  const unsubscribe = cluster.onChange(() => {
    changed = true
    wake?.()
  })
  try {
    for (;;) {
      signal.throwIfAborted()
      changed = false
      const { finished, requeueAfterMs } = await reconcile(cluster, job, clock)
      if (finished) return (await cluster.observe(job))?.status ?? null
      if (changed || requeueAfterMs === 0) continue
      await sleepUntil(clock, requeueAfterMs, signal, (resume) => {
        wake = resume
      })
      wake = undefined
    }
  } finally {
    unsubscribe()
  }
}

/** Sleeps for `ms` (null: for ever), until resumed, or until the signal aborts; the latter rejects. */
async function sleepUntil(clock: Clock, ms: number | null, signal: AbortSignal, onResume: (resume: () => void) => void): Promise<void> {
  const awake = new AbortController()
  const either = AbortSignal.any([awake.signal, signal])
  onResume(() => awake.abort())
  const over = new Promise<void>((resolve) => {
    if (either.aborted) resolve()
    else either.addEventListener('abort', () => resolve(), { once: true })
  })
  const sleep = async (): Promise<void> => {
    if (ms === null) return over
    try {
      await clock.sleep(ms, either)
    } catch (error) {
      if (!either.aborted) throw error
    }
  }
  await Promise.race([over, sleep()])
  // Ends the clock's timer when the change came first.
  awake.abort()
  signal.throwIfAborted()
}
