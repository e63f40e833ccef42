import { shortDigest } from '../../crds/digest.ts'
import type { JobRef, Mode, Wave } from '../cluster.ts'

/** An Indexed Job's Pods have the host name `<name>-<index>`: 63 characters, of which 5 are for an index below 10,000. */
const NAME_LIMIT = 58

/**
 * The name of a job's n-th wave: `<job>-<hash of the job's uid>-<mode>-<n>`, a DNS label of at most 58 characters. A long job name is cut;
 * the hash keeps two jobs' waves apart.
 */
export function waveName(job: JobRef, mode: Mode, number: number): string {
  const suffix = `-${shortDigest(`${job.namespace}/${job.name}/${job.uid}`).slice(0, 8)}-${mode}-${number}`
  const prefix = job.name.replaceAll('.', '-').slice(0, NAME_LIMIT - suffix.length).replace(/-+$/, '')
  return `${prefix}${suffix}`
}

/** The number in a wave's name; 0 when the name is not one of ours. Later waves have higher numbers. */
export function waveNumber(wave: Pick<Wave, 'name'>): number {
  return Number(/-(\d{1,15})$/.exec(wave.name)?.[1] ?? 0)
}
