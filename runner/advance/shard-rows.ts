import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import type { PlanShard } from '../../crds/generated/plan-shard.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { LlmbatchError } from '../../crds/errors.ts'
import type { SourceFile } from '../formats/row-source.ts'
import { chunkDigestOf, customIdOf, parseCustomId } from '../plan/identities.ts'
import { keyOfChunk } from '../plan/plan-object.ts'

/** A chunk of the shard at hand. */
export interface ShardChunk {
  /** Place in the shard. */
  readonly index: number
  readonly file: SourceFile
  /** Rows [from, to) of the file. */
  readonly from: number
  readonly to: number
  /** Shard row of the chunk's first row. */
  readonly start: number
  /** Below the work URI. */
  readonly key: string
  readonly digest: string
}

/** The rows of a shard, counted from 0 in plan order, and where they lie. */
export class ShardRows {
  readonly chunks: readonly ShardChunk[]
  readonly size: number
  readonly #byDigest: ReadonlyMap<string, ShardChunk>

  constructor(header: PlanHeader, shard: PlanShard) {
    let start = 0
    this.chunks = shard.chunks.map((chunk, index) => {
      const input = header.inputs[chunk.file]
      if (input === undefined) throw new LlmbatchError('InternalError', `the plan has no input ${chunk.file}`)
      const key = keyOfChunk(header, chunk)
      const { uri, etag, size } = input
      const placed = { index, file: { uri, etag, size }, from: chunk.from, to: chunk.to, start, key, digest: chunkDigestOf(key) }
      start += chunk.to - chunk.from
      return placed
    })
    this.size = start
    this.#byDigest = new Map(this.chunks.map((chunk) => [chunk.digest, chunk]))
  }

  /** Shard rows of these chunks. */
  rowsOfChunks(chunks: IntervalSet): IntervalSet {
    return this.chunks.filter((chunk) => chunks.has(chunk.index)).reduce((rows, chunk) => rows.union(rowsOfChunk(chunk)), IntervalSet.EMPTY)
  }

  /** Cuts a set of shard rows at chunk borders, in order. */
  *pieces(rows: IntervalSet): Generator<{ readonly chunk: ShardChunk; readonly from: number; readonly to: number }> {
    for (const chunk of this.chunks) {
      for (const { from, to } of rows.intersect(rowsOfChunk(chunk)).intervals()) yield { chunk, from, to }
    }
  }

  /** For each chunk with rows of the set, from its first to after its last: a reader goes through a chunk once, however scattered the rows are. */
  *spans(rows: IntervalSet): Generator<{ readonly chunk: ShardChunk; readonly from: number; readonly to: number }> {
    for (const chunk of this.chunks) {
      const intervals = rows.intersect(rowsOfChunk(chunk)).intervals()
      const [first, last] = [intervals[0], intervals.at(-1)]
      if (first !== undefined && last !== undefined) yield { chunk, from: first.from, to: last.to }
    }
  }

  /** The custom_id of a shard row. */
  customId(chunk: ShardChunk, row: number, attempt: number): string {
    return customIdOf(chunk.digest, chunk.from + row - chunk.start, attempt)
  }

  /** The shard row and attempt that a custom_id names; null when it is of none of this shard's rows. */
  readCustomId(customId: string): { readonly row: number; readonly attempt: number } | null {
    const parsed = parseCustomId(customId)
    const chunk = parsed === null ? undefined : this.#byDigest.get(parsed.chunkDigest)
    if (parsed === null || chunk === undefined || parsed.row < chunk.from || parsed.row >= chunk.to) return null
    return { row: chunk.start + parsed.row - chunk.from, attempt: parsed.attempt }
  }
}

/** Shard rows of a chunk. */
export function rowsOfChunk(chunk: ShardChunk): IntervalSet {
  return IntervalSet.range(chunk.start, chunk.start + chunk.to - chunk.from)
}
