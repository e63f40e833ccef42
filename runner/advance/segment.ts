import type { ObjectRef } from '../../crds/generated/ledger.ts'
import { LlmbatchError } from '../../crds/errors.ts'
import type { FailureClass } from '../provider/failure-class.ts'
import { linesOf } from '../provider/lines.ts'
import { readRange } from '../storage/read-range.ts'
import type { Storage } from '../storage/storage.ts'

/*
 * A harvest segment is an immutable object: one JSON line per member of a batch in row order, then one JSON line that says where each chunk's
 * lines lie, then that line's length (4 bytes, little-endian) and a magic (4 bytes).
 */
const MAGIC = 'LBS1'
const TRAILER = 8

/** What became of one attempt at a row. Field names are short: there is one such line for each row. */
export interface SegmentRecord {
  /** Shard row. */
  readonly row: number
  readonly attempt: number
  /** null on success. */
  readonly failure: FailureClass | null
  /** The answer, or what the provider said. */
  readonly text: string
  readonly promptTokens: number | null
  readonly completionTokens: number | null
}

export function encodeRecord(record: SegmentRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify(record)}\n`, 'utf8')
}

/** The trailer that follows the records. `chunks` maps a chunk's place in the shard to the bytes [from, to) of its lines. */
export function encodeSegmentIndex(chunks: ReadonlyMap<number, readonly [number, number]>): Uint8Array {
  const index = Buffer.from(`${JSON.stringify(Object.fromEntries(chunks))}\n`, 'utf8')
  const trailer = Buffer.alloc(TRAILER)
  trailer.writeUInt32LE(index.length)
  trailer.write(MAGIC, 4, 'latin1')
  return Buffer.concat([index, trailer])
}

/** Records of one chunk, in row order; none when the segment has none of it. Throws LedgerLost when the segment is gone or damaged. */
export async function* readSegmentChunk(storage: Storage, segment: ObjectRef, chunk: number): AsyncGenerator<SegmentRecord> {
  const place = (await readIndex(storage, segment))[String(chunk)]
  if (place === undefined) return
  for await (const line of linesOf(storage.read(segment.uri, place[0], place[1], segment.etag))) {
    // Written by encodeRecord, under an ETag that names these bytes.
    yield JSON.parse(line) as SegmentRecord
  }
}

async function readIndex(storage: Storage, segment: ObjectRef): Promise<Readonly<Record<string, readonly [number, number]>>> {
  const trailer = await readRange(storage, segment, segment.size - TRAILER, segment.size)
  if (trailer.toString('latin1', 4) !== MAGIC) throw new LlmbatchError('LedgerLost', `${segment.uri} is damaged`)
  const end = segment.size - TRAILER
  const index = await readRange(storage, segment, end - trailer.readUInt32LE(0), end)
  return JSON.parse(index.toString('utf8')) as Record<string, [number, number]>
}
