import type { Cluster, JobRef, WaveRequest } from '../cluster.ts'

/** One thing to do to the cluster. */
export type Action =
  | { readonly kind: 'release'; readonly name: string; readonly indexes: readonly number[] }
  | { readonly kind: 'stopWave'; readonly name: string }
  | { readonly kind: 'setParallelism'; readonly name: string; readonly parallelism: number }
  | { readonly kind: 'startWave'; readonly wave: WaveRequest }

/** Does the actions in their order. Each is idempotent, so that a failure half way is made good by the next reconcile. */
export async function apply(cluster: Cluster, job: JobRef, actions: readonly Action[]): Promise<void> {
  for (const action of actions) {
    switch (action.kind) {
      case 'release':
        await cluster.release(job, action.name, action.indexes)
        break
      case 'stopWave':
        await cluster.stopWave(job, action.name)
        break
      case 'setParallelism':
        await cluster.setParallelism(job, action.name, action.parallelism)
        break
      case 'startWave':
        await cluster.startWave(job, action.wave)
        break
    }
  }
}
