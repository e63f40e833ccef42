/**
 * What a runner tells a local parent over its IPC channel, about once a second. For display only: no correctness rests on it.
 * All counts are absolute.
 */
export interface RunnerProgress {
  readonly mode: 'plan' | 'advance' | 'scout' | 'merge'
  readonly shard?: number
  /** What the runner is doing, in a word or two, e.g. "uploading". */
  readonly activity: string
  /** Why nothing moves: what the runner waits for longer than it should. */
  readonly trouble?: string
  /** Rows of the shard in all. */
  readonly rowsTotal?: number
  /** Rows of the shard in batches that the provider accepted. */
  readonly rowsSubmitted?: number
  /** Rows of the shard that have a durable outcome. */
  readonly rowsDone?: number
}
