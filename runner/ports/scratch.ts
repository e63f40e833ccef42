/** Scratch disk of one runner: what is written is gone when the runner ends. Bounded by the Pod's ephemeral storage, not by memory. */
export interface Scratch {
  create(): Promise<ScratchFile>
}

/** An append-only temporary file. */
export interface ScratchFile {
  /** Bytes appended so far, buffered ones included. */
  readonly size: number
  /** Appends; may buffer up to 256 KiB. */
  append(bytes: Uint8Array): Promise<void>
  /** Bytes [from, to). Sees all appended bytes. */
  read(from: number, to: number): Promise<Uint8Array>
  /** Bytes [from, to) in windows of at most 256 KiB. */
  stream(from: number, to: number): AsyncIterable<Uint8Array>
  /** Frees the space. Idempotent. */
  remove(): Promise<void>
}
