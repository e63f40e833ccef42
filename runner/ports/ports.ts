import type { Storage } from '../storage/storage.ts'
import type { Clock } from './clock.ts'
import type { ProviderHttp } from './provider-http.ts'
import type { Random } from './random.ts'
import type { Scratch } from './scratch.ts'

/** Says what happened, for people who look into a run. `event` is a CamelCase word. */
export type Log = (event: string, fields: Readonly<Record<string, string | number>>) => void

/** Everything a runner mode touches outside its own memory. */
export interface Ports {
  readonly storage: Storage
  readonly http: ProviderHttp
  readonly clock: Clock
  readonly random: Random
  readonly scratch: Scratch
  readonly log: Log
}
