import type { Storage, UploadedPart } from '../storage/storage.ts'

/** Parts of a multipart upload, at most. */
export const PARTS_LIMIT = 10_000
/** Least size of a part here, in bytes. */
export const PART_SIZE_MINIMUM = 8 * 1024 * 1024

/** One size for all parts but the last, in bytes: some stores want equal parts. `total` is the most the upload may have. */
export function uploadPartSize(total: number): number {
  return Math.max(PART_SIZE_MINIMUM, Math.ceil(total / PARTS_LIMIT))
}

/** Sends bytes as parts of one size; the last may be shorter. Memory: one part. */
export class UploadWriter {
  /** Bytes written so far. */
  written = 0
  readonly #storage: Storage
  readonly #uri: string
  readonly #uploadId: string
  readonly #buffer: Uint8Array
  readonly #parts: UploadedPart[]
  #filled = 0

  /** `parts` are those that the upload has already; the next gets the number behind theirs. */
  constructor(storage: Storage, uri: string, uploadId: string, partSize: number, parts: readonly UploadedPart[]) {
    this.#storage = storage
    this.#uri = uri
    this.#uploadId = uploadId
    this.#buffer = new Uint8Array(partSize)
    this.#parts = [...parts]
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.written += bytes.length
    let rest = bytes
    while (rest.length > 0) {
      const piece = rest.subarray(0, this.#buffer.length - this.#filled)
      this.#buffer.set(piece, this.#filled)
      this.#filled += piece.length
      rest = rest.subarray(piece.length)
      if (this.#filled === this.#buffer.length) await this.#send()
    }
  }

  /** Sends what is left; returns all parts. */
  async finish(): Promise<readonly UploadedPart[]> {
    if (this.#filled > 0) await this.#send()
    return this.#parts
  }

  async #send(): Promise<void> {
    this.#parts.push(await this.#storage.uploadPart(this.#uri, this.#uploadId, this.#parts.length + 1, this.#buffer.subarray(0, this.#filled)))
    this.#filled = 0
  }
}
