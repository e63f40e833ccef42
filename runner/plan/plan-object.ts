import { canonicalJson, digestOf, sha256 } from '../../crds/digest.ts'
import { LlmbatchError } from '../../crds/errors.ts'
import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import type { PlanChunk, PlanShard } from '../../crds/generated/plan-shard.ts'
import { readRange } from '../storage/read-range.ts'
import type { Storage } from '../storage/storage.ts'
import { decodeJson } from '../storage/stored-json.ts'
import { chunkKey, ledgerIdOf } from './identities.ts'

/*
 * A plan object is: the header as one JSON line, one JSON line per shard, then for each shard the line's offset and at last
 * the end of the last line, as 8-byte little-endian integers, then their count (8 bytes) and a magic (8 bytes). A runner reads the index and its
 * own line by ranged reads.
 */
const MAGIC = 'LBPLAN01'
const TRAILER = 16
const ENTRY = 8
/** Bytes of shard lines read at a time when all are read. */
const READ_AHEAD = 1024 * 1024
const OPENING_BRACE = 0x7b
const NEWLINE = 0x0a

/** A plan and where it lies. */
export interface PlanRef {
  readonly uri: string
  readonly digest: string
}

/** The digest of a plan: inputs, file ids, cut, packing, request digest and price; no times, no samples. */
export function planDigest(header: Omit<PlanHeader, 'digest' | 'totals'>, shards: readonly PlanShard[]): string {
  const lines = shards.map((shard) => canonicalJson(shard)).join('\n')
  return digestOf({ ...header, shards: sha256(lines) })
}

/** The object's bytes. */
export function encodePlan(header: PlanHeader, shards: readonly PlanShard[]): Uint8Array {
  const lines = [header, ...shards].map((line) => Buffer.from(`${canonicalJson(line)}\n`, 'utf8'))
  const index = Buffer.alloc(lines.length * ENTRY + TRAILER)
  let offset = 0
  lines.forEach((line, i) => {
    offset += line.length
    index.writeBigUInt64LE(BigInt(offset), i * ENTRY)
  })
  index.writeBigUInt64LE(BigInt(lines.length), lines.length * ENTRY)
  index.write(MAGIC, lines.length * ENTRY + 8, 'latin1')
  return Buffer.concat([...lines, index])
}

/** Reads parts of a plan object. Throws LedgerLost when the plan is gone or damaged. */
export class PlanReader {
  readonly #storage: Storage
  readonly #ref: PlanRef
  readonly #etag: string
  /** Where each line ends; the first is the header's. */
  readonly #ends: readonly number[]

  private constructor(storage: Storage, ref: PlanRef, etag: string, ends: readonly number[]) {
    this.#storage = storage
    this.#ref = ref
    this.#etag = etag
    this.#ends = ends
  }

  static async open(storage: Storage, ref: PlanRef): Promise<PlanReader> {
    const info = await storage.head(ref.uri)
    if (info === null) throw new LlmbatchError('LedgerLost', `the plan ${ref.uri} is gone`)
    const damaged = (): LlmbatchError => new LlmbatchError('LedgerLost', `the plan ${ref.uri} is damaged`)
    if (info.size < TRAILER) throw damaged()
    const trailer = await readRange(storage, info, info.size - TRAILER, info.size)
    const lines = Number(trailer.readBigUInt64LE(0))
    const from = info.size - TRAILER - lines * ENTRY
    if (trailer.toString('latin1', 8) !== MAGIC || lines < 1 || from < 0) throw damaged()
    const index = await readRange(storage, info, from, info.size - TRAILER)
    const ends = Array.from({ length: lines }, (_, i) => Number(index.readBigUInt64LE(i * ENTRY)))
    if (ends.at(-1) !== from || ends.some((end, i) => end <= (ends[i - 1] ?? 0))) throw damaged()
    return new PlanReader(storage, ref, info.etag, ends)
  }

  get shards(): number {
    return this.#ends.length - 1
  }

  async header(): Promise<PlanHeader> {
    const header = decodeJson<PlanHeader>(this.#ref.uri, await this.#lines(0, 1))
    if (header.digest !== this.#ref.digest) throw new LlmbatchError('LedgerLost', `the plan ${this.#ref.uri} has digest ${header.digest}, not ${this.#ref.digest}`)
    return header
  }

  async shard(shard: number): Promise<PlanShard> {
    if (shard < 0 || shard >= this.shards) throw new LlmbatchError('InternalError', `the plan has ${this.shards} shards, no shard ${shard}`)
    return this.#parse(await this.#lines(shard + 1, shard + 2), shard)
  }

  /** Every shard in order, read in windows of READ_AHEAD bytes or one line. */
  async *allShards(): AsyncGenerator<PlanShard> {
    for (let line = 1; line < this.#ends.length; ) {
      const start = this.#start(line)
      let end = line + 1
      while (end < this.#ends.length && (this.#ends[end] ?? 0) - start <= READ_AHEAD) end++
      const window = await this.#lines(line, end)
      for (; line < end; line++) yield this.#parse(window.subarray(this.#start(line) - start, this.#start(line + 1) - start), line - 1)
    }
  }

  /** The header's digest covers every line; the object never changes under its name. */
  #parse(line: Buffer, shard: number): PlanShard {
    try {
      return JSON.parse(line.toString('utf8')) as PlanShard
    } catch (error) {
      throw new LlmbatchError('LedgerLost', `the plan ${this.#ref.uri} is damaged at shard ${shard}`, { cause: error })
    }
  }

  #start(line: number): number {
    return this.#ends[line - 1] ?? 0
  }

  async #lines(line: number, end: number): Promise<Buffer> {
    const bytes = await readRange(this.#storage, { uri: this.#ref.uri, etag: this.#etag }, this.#start(line), this.#start(end))
    if (bytes[0] !== OPENING_BRACE || bytes.at(-1) !== NEWLINE) throw new LlmbatchError('LedgerLost', `the plan ${this.#ref.uri} is damaged at line ${line}`)
    return bytes
  }
}

/** The key of a chunk's object, below the work URI. */
export function keyOfChunk(header: Pick<PlanHeader, 'inputs' | 'requestDigest'>, chunk: PlanChunk): string {
  const input = header.inputs[chunk.file]
  if (input === undefined) throw new LlmbatchError('InternalError', `the plan has no input ${chunk.file}`)
  return chunkKey(header.requestDigest, input.fileId, chunk.from, chunk.to)
}

/** The ledger id of a shard with these chunks. */
export function ledgerIdOfChunks(header: Pick<PlanHeader, 'inputs' | 'requestDigest'>, chunks: readonly PlanChunk[]): string {
  return ledgerIdOf(chunks.map((chunk) => keyOfChunk(header, chunk)))
}
