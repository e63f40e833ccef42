import { LlmbatchError } from '../../crds/errors.ts'
import type { Storage } from '../storage/storage.ts'
import { fileKind, HEAD_SIZE } from './file-kind.ts'
import { readPinned } from './pinned-read.ts'
import type { SourceFile } from './row-source.ts'

/** The footer of a Parquet file: its FileMetaData, and where that starts. */
export interface FooterBytes {
  /** Offset of FileMetaData in the file; all before it is data and indexes. */
  readonly start: number
  /** FileMetaData: bytes [start, size - 8) of the file. */
  readonly bytes: Uint8Array
}

/** Largest footer that is read, in bytes: about 70,000 row groups of 10 columns. */
export const FOOTER_LIMIT = 64 * 1024 * 1024
/** Length and magic behind the footer. */
export const TRAILER_SIZE = 8
/** Most footers lie within this many bytes of the file's end, which takes one request. */
const TAIL_SIZE = 64 * 1024
const MAGIC = 'PAR1'
const ENCRYPTED_MAGIC = 'PARE'

/** Reads a file's footer, in two or three requests. Throws InvalidInput naming the file and the cause, InputChanged, StorageError. */
export async function readFooter(storage: Storage, file: SourceFile): Promise<FooterBytes> {
  if (file.size === 0) throw invalid(file, 'it has 0 bytes: its upload or its writer failed')
  const tailStart = Math.max(0, file.size - TAIL_SIZE)
  const tail = await readPinned(storage, file, tailStart, file.size)
  const head = tailStart === 0 ? tail : await readPinned(storage, file, 0, HEAD_SIZE)
  const first = Buffer.from(head.subarray(0, MAGIC.length)).toString('latin1')
  const trailer = Buffer.from(tail.subarray(-TRAILER_SIZE))
  const last = trailer.toString('latin1', trailer.length - MAGIC.length)
  if (last === ENCRYPTED_MAGIC) throw invalid(file, 'its footer is encrypted: write it without encryption')
  if (first === MAGIC && (last !== MAGIC || file.size < MAGIC.length + TRAILER_SIZE)) throw invalid(file, 'it starts like Parquet but has no end: it was cut off, or is still being written')
  if (last !== MAGIC) {
    const kind = fileKind(head)
    throw invalid(file, `it is not Parquet${kind === null ? '' : `; it looks like ${kind}`}`)
  }
  if (first !== MAGIC) throw invalid(file, 'it ends like Parquet but does not start with "PAR1": its start is lost')
  const length = trailer.readUInt32LE(0)
  const start = file.size - TRAILER_SIZE - length
  if (start < MAGIC.length) throw invalid(file, `its footer would have ${length} bytes, more than the file holds: it is damaged`)
  if (length > FOOTER_LIMIT) throw invalid(file, `its footer has ${length} bytes; at most ${FOOTER_LIMIT} are read`)
  if (start >= tailStart) return { start, bytes: tail.subarray(start - tailStart, tail.length - TRAILER_SIZE) }
  const missing = await readPinned(storage, file, start, tailStart)
  return { start, bytes: Buffer.concat([missing, tail.subarray(0, tail.length - TRAILER_SIZE)]) }
}

function invalid(file: SourceFile, cause: string): LlmbatchError {
  return new LlmbatchError('InvalidInput', `${file.uri}: ${cause}`)
}
