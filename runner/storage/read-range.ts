import type { Storage } from './storage.ts'

/** Bytes [from, to) of an object as one array; the caller bounds the range. Throws PreconditionFailed when the object is not the one of that ETag, NotFound when it is gone. */
export async function readRange(storage: Storage, { uri, etag }: { readonly uri: string; readonly etag: string }, from: number, to: number): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of storage.read(uri, from, to, etag)) pieces.push(piece)
  return Buffer.concat(pieces)
}
