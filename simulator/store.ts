import type { StateRecord } from './records.ts'

/** The simulator's durable state: records, and named contents (files' bytes, bills). */
export interface SimulatorStore {
  /** Identity of this state, made once: two simulators with other states never hand out the same ids. */
  readonly identity: string
  /** The last version of every record, in order of sequence. */
  load(): Promise<StateRecord[]>
  /** Writes new versions of records, all or none of them. Durable when it resolves. */
  put(records: readonly StateRecord[]): Promise<void>
  /** Starts a content. It exists from commit() on, and replaces one of the same name. */
  createContent(name: string): Promise<ContentWriter>
  /** A content's bytes, in pieces of at most 1 MiB or as they were written. Throws when there is none. */
  readContent(name: string): AsyncIterable<Uint8Array>
  /** Frees a content's space. Readers that have started go on. Idempotent. */
  removeContent(name: string): Promise<void>
}

export interface ContentWriter {
  /** Bytes written so far. */
  readonly bytes: number
  /** Appends; the caller waits before the next, which is the backpressure. Takes ownership of the bytes. */
  write(bytes: Uint8Array): Promise<void>
  /** Makes the content durable and visible. */
  commit(): Promise<void>
  /** Drops what was written. Idempotent, and nothing after commit(). */
  abandon(): Promise<void>
}
