import type { Observed, Wave } from '../cluster.ts'
import { waveNumber } from './wave-name.ts'

/**
 * How many members of each wave may be at work: what is running plus its share of the room, at most spec.runner.parallelism and the wave's
 * size. Later waves are served first: they hold shards whose answers wait to be fetched, while the first one submits. Keyed by wave name.
 * That the job's waves together keep spec.runner.parallelism is up to the cluster, which knows what starts and ends between two looks.
 */
export function shareParallelism(waves: readonly Wave[], observed: Pick<Observed, 'spec' | 'room'>): Map<string, number> {
  const limit = observed.spec.runner.parallelism
  let room = observed.room ?? Infinity
  const shares = new Map<string, number>()
  for (const wave of [...waves].sort((a, b) => waveNumber(b) - waveNumber(a))) {
    const running = wave.members.filter(({ phase }) => phase === 'Running').length
    const wanted = Math.min(limit, wave.set.size)
    const granted = Math.max(0, Math.min(wanted - running, room))
    room -= granted
    shares.set(wave.name, Math.min(wanted, running + granted))
  }
  return shares
}
