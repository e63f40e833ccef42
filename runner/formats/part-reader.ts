import { createHash } from 'node:crypto'
import { LlmbatchError, messageOf } from '../../crds/errors.ts'
import { isStorageError, type Storage } from '../storage/storage.ts'
import type { ChunkPart } from './output-assembler.ts'
import { decodePartIndex, PART_INDEX_LIMIT, PART_TRAILER_SIZE, partIndexLength, type PartIndex, type RunRecord } from './part-index.ts'

/** Bytes read first from a part's end; holds the index of most parts. */
const TAIL_SIZE = 16 * 1024

/**
 * Reads a part front to back, run by run, and checks its sha256 on the way. All errors that mean "this is not the object
 * that was committed" are LedgerLost naming it: the work folder must be restored, and nothing is bought again by itself.
 * Memory: the index and a storage window.
 */
export class PartReader {
  readonly index: PartIndex
  readonly #storage: Storage
  readonly #part: ChunkPart
  /** The index and trailer. */
  readonly #tail: Uint8Array
  readonly #hash = createHash('sha256')
  #position = 0

  private constructor(storage: Storage, part: ChunkPart, index: PartIndex, tail: Uint8Array) {
    this.#storage = storage
    this.#part = part
    this.index = index
    this.#tail = tail
  }

  /** Reads the index, from the part's end. */
  static async open(storage: Storage, part: ChunkPart): Promise<PartReader> {
    const tailStart = Math.max(0, part.size - TAIL_SIZE)
    let tail = await readAll(storage, part, tailStart, part.size)
    const length = partIndexLength(tail)
    const indexStart = part.size - PART_TRAILER_SIZE - (length ?? 0)
    if (length === null || indexStart < 0 || length > PART_INDEX_LIMIT) throw lost(part, 'does not end as a part does')
    tail = indexStart >= tailStart ? tail.subarray(indexStart - tailStart) : Buffer.concat([await readAll(storage, part, indexStart, tailStart), tail])
    const index = decode(part, tail.subarray(0, length))
    const last = index.runs.at(-1)
    if (index.from !== part.from || index.to !== part.to || (last === undefined ? 0 : last.offset + last.size) !== indexStart) {
      throw lost(part, `holds rows ${index.from}-${index.to} or other bytes than its commit says`)
    }
    return new PartReader(storage, part, index, tail)
  }

  /** The bytes of a run. Runs are read in the order of the index, each once. */
  async *run(run: RunRecord): AsyncIterable<Uint8Array> {
    if (run.offset !== this.#position) throw new LlmbatchError('InternalError', `${this.#part.uri}: runs are read out of order`)
    this.#position += run.size
    if (run.size === 0) return
    for await (const piece of readPart(this.#storage, this.#part, run.offset, run.offset + run.size)) {
      this.#hash.update(piece)
      yield piece
    }
  }

  /** Checks the sha256 of the whole part; to be called when all runs were read. */
  finish(): void {
    if (this.#position !== this.#part.size - this.#tail.length) throw new LlmbatchError('InternalError', `${this.#part.uri}: not all of its runs were read`)
    const sha256 = this.#hash.update(this.#tail).digest('hex')
    if (sha256 !== this.#part.sha256) throw lost(this.#part, `has sha256 ${sha256}, but ${this.#part.sha256} was committed`)
  }
}

function decode(part: ChunkPart, json: Uint8Array): PartIndex {
  try {
    return decodePartIndex(json)
  } catch (error) {
    throw lost(part, `has a damaged index: ${messageOf(error)}`, error)
  }
}

async function readAll(storage: Storage, part: ChunkPart, from: number, to: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of readPart(storage, part, from, to)) pieces.push(piece)
  return Buffer.concat(pieces)
}

async function* readPart(storage: Storage, part: ChunkPart, from: number, to: number): AsyncIterable<Uint8Array> {
  try {
    yield* storage.read(part.uri, from, to, part.etag)
  } catch (error) {
    if (isStorageError(error, 'NotFound') && error.uri === part.uri) throw lost(part, 'is gone', error)
    if (isStorageError(error, 'PreconditionFailed') && error.uri === part.uri) throw lost(part, 'was replaced', error)
    throw error
  }
}

function lost(part: ChunkPart, what: string, cause?: unknown): LlmbatchError {
  return new LlmbatchError('LedgerLost', `the answers of rows ${part.from}-${part.to}, ${part.uri}: the object ${what}`, { cause })
}
