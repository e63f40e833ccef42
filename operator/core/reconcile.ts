import { canonicalJson } from '../../crds/digest.ts'
import type { Clock } from '../clock.ts'
import { StatusConflict, type Cluster, type JobRef } from '../cluster.ts'
import { apply } from './actions.ts'
import { decide } from './decide.ts'
import { readState } from './job-state.ts'
import { summarize } from './summarize.ts'

export interface Reconciled {
  /** When to look again if nothing changes before; null when only a change can matter. */
  readonly requeueAfterMs: number | null
  /** The job has ended and its waves are gone, or there is no such job. */
  readonly finished: boolean
}

/**
 * Brings a job one step on: observe, at most one status write, then the actions that follow from the acknowledged status, events last. It
 * keeps nothing between two calls. Throws what the cluster throws, except StatusConflict, after which it asks to be called again at once.
 */
export async function reconcile(cluster: Cluster, job: JobRef, clock: Pick<Clock, 'now'>): Promise<Reconciled> {
  const observed = await cluster.observe(job)
  if (observed === null) return { requeueAfterMs: null, finished: true }
  const now = clock.now()
  const { status, events } = summarize(observed, now)
  let { resourceVersion } = observed
  if (canonicalJson(status) !== canonicalJson(observed.status)) {
    try {
      resourceVersion = await cluster.recordStatus(job, status, resourceVersion)
    } catch (error) {
      if (error instanceof StatusConflict) return { requeueAfterMs: 0, finished: false }
      throw error
    }
  }
  await apply(cluster, job, decide({ ...observed, status, resourceVersion }, now))
  for (const event of events) await cluster.emit(job, event)
  const { end, nextPollMs } = readState(status)
  if (end !== undefined) return { requeueAfterMs: null, finished: true }
  return { requeueAfterMs: nextPollMs !== undefined && nextPollMs > now ? nextPollMs - now : null, finished: false }
}
