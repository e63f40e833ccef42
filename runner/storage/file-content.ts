import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { isMissing } from './file-errors.ts'
import type { FilePath } from './file-names.ts'
import { GET_LIMIT, StorageError } from './storage.ts'

/** An open file and what fstat said of it. */
export interface OpenFile {
  readonly handle: FileHandle
  readonly stats: BigIntStats
}

/** ETag from the content: that of `get`, and of `put` up to `GET_LIMIT`. */
export function contentEtag(bytes: Uint8Array): string {
  return `sha256-${createHash('sha256').update(bytes).digest('hex')}`
}

/** ETag from size, modification time in nanoseconds and inode: that of `head`, `list` and `completeUpload`; costs no read. */
export function statEtag(stats: BigIntStats): string {
  return `stat-${stats.size}-${stats.mtimeNs}-${stats.ino}`
}

/** Opens a regular file for reading; null when there is none of that name. The caller closes it. */
export async function openFile(path: string): Promise<OpenFile | null> {
  let handle: FileHandle
  try {
    // O_NONBLOCK: opening a named pipe must not wait for its writer.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
  try {
    const stats = await handle.stat({ bigint: true })
    if (stats.isFile()) return { handle, stats }
  } catch (error) {
    await handle.close()
    throw error
  }
  await handle.close()
  return null
}

/** Opens the file that `ifMatch` names. Throws NotFound, or PreconditionFailed when the file is another one. The caller closes it. */
export async function openMatching(file: FilePath, ifMatch: string): Promise<OpenFile> {
  const opened = await openFile(file.path)
  if (opened === null) throw new StorageError('NotFound', file.uri, 'No such object')
  try {
    if (await matches(opened, ifMatch)) return opened
  } catch (error) {
    await opened.handle.close()
    throw error
  }
  await opened.handle.close()
  throw changed(file.uri)
}

/** Whether an open file is the one that an ETag of either form names. The content form is compared up to `GET_LIMIT` only. */
export async function matches({ handle, stats }: OpenFile, etag: string): Promise<boolean> {
  if (etag.startsWith('stat-')) return statEtag(stats) === etag
  if (!etag.startsWith('sha256-') || stats.size > GET_LIMIT) return false
  const bytes = await readExactly(handle, 0, Number(stats.size))
  return bytes !== null && contentEtag(bytes) === etag
}

/** Bytes [from, to) of a file, null when it ends before. */
export async function readExactly(handle: FileHandle, from: number, to: number): Promise<Uint8Array | null> {
  const bytes = Buffer.allocUnsafeSlow(to - from)
  let filled = 0
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, from + filled)
    if (bytesRead === 0) return null
    filled += bytesRead
  }
  return bytes
}

/** Bytes [from, to) in windows of at most `window` bytes. Throws PreconditionFailed when the file was changed in place meanwhile. */
export async function* readWindows(uri: string, { handle, stats }: OpenFile, from: number, to: number, window: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; at += window) {
    const bytes = await readExactly(handle, at, Math.min(at + window, to))
    if (bytes === null) throw changed(uri)
    yield bytes
  }
  const after = await handle.stat({ bigint: true })
  if (statEtag(after) !== statEtag(stats)) throw changed(uri)
}

/** The error of a condition that did not hold. */
export function changed(uri: string): StorageError {
  return new StorageError('PreconditionFailed', uri, 'The object is not the one that If-Match names')
}
