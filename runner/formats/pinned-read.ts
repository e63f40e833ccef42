import { LlmbatchError } from '../../crds/errors.ts'
import { isStorageError, type Storage } from '../storage/storage.ts'
import type { SourceFile } from './row-source.ts'

/**
 * Bytes [from, to) of an input file, pinned to the planned version. Throws InputChanged naming the file when that version is
 * gone; other storage errors pass.
 */
export async function* streamPinned(storage: Storage, file: SourceFile, from: number, to: number): AsyncIterable<Uint8Array> {
  try {
    yield* storage.read(file.uri, from, to, file.etag)
  } catch (error) {
    throw asInputChanged(error, file)
  }
}

/** The same, as one array of `to - from` bytes; the caller bounds the range. */
export async function readPinned(storage: Storage, file: SourceFile, from: number, to: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(to - from)
  let filled = 0
  for await (const piece of streamPinned(storage, file, from, to)) {
    if (filled + piece.length > bytes.length) throw new LlmbatchError('InternalError', `${file.uri}: storage returned more than bytes [${from}, ${to})`)
    bytes.set(piece, filled)
    filled += piece.length
  }
  if (filled < bytes.length) throw new LlmbatchError('InternalError', `${file.uri}: storage returned ${filled} of ${bytes.length} bytes from ${from}`)
  return bytes
}

/** Turns "this version of the file is gone" into InputChanged; anything else is returned as it is. */
export function asInputChanged(error: unknown, file: SourceFile): unknown {
  if (!isStorageError(error, 'PreconditionFailed', 'NotFound') || error.uri !== file.uri) return error
  const what = error.kind === 'NotFound' ? 'is gone' : 'was replaced'
  return new LlmbatchError('InputChanged', `${file.uri} ${what} after it was planned (expected ETag ${file.etag})`, { cause: error })
}
