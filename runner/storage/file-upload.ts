import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openFile, openMatching, readWindows, statEtag } from './file-content.ts'
import { isErrno, isMissing } from './file-errors.ts'
import { filePath, fileUri, newUploadId, temporaryPath, uploadFolder, uploadIdOf, uploadOf, type FilePath } from './file-names.ts'
import { checkCondition, makeFolder, publish, syncFolder, writeAll, writeTemporary } from './file-publish.ts'
import { StorageError, type OpenUpload, type UploadedPart, type WriteCondition } from './storage.ts'
import { checkPartNumber, checkParts, checkRange } from './upload-parts.ts'

/** Bytes copied at a time between files. */
const COPY_WINDOW = 1024 * 1024

/** Bytes of another object of the store. */
export interface CopySource {
  readonly uri: string
  readonly ifMatch: string
  readonly from: number
  readonly to: number
}

/** Begins an upload: a hidden folder beside the object, which any process that knows its id can go on with. */
export async function beginUpload(file: FilePath): Promise<string> {
  const uploadId = newUploadId()
  const folder = knownFolder(file, uploadId)
  await makeFolder(file.folder)
  await mkdir(folder)
  await syncFolder(file.folder)
  return uploadId
}

/** Stores a part from memory. */
export async function uploadPart(file: FilePath, uploadId: string, partNumber: number, bytes: Uint8Array): Promise<UploadedPart> {
  return await storePart(file, uploadId, partNumber, async function* () {
    yield bytes
  })
}

/** Stores a part from bytes of another file, a window at a time. */
export async function copyPart(file: FilePath, uploadId: string, partNumber: number, source: CopySource): Promise<UploadedPart> {
  const opened = await openMatching(filePath(source.uri), source.ifMatch)
  try {
    checkRange(source.uri, source.from, source.to, Number(opened.stats.size))
    return await storePart(file, uploadId, partNumber, () => readWindows(source.uri, opened, source.from, source.to, COPY_WINDOW))
  } finally {
    await opened.handle.close()
  }
}

/** Joins the parts into the object if the condition holds, then forgets the upload. Returns the object's ETag (its stat form). */
export async function completeUpload(file: FilePath, uploadId: string, parts: readonly UploadedPart[], condition: WriteCondition): Promise<string> {
  const folder = await openUpload(file, uploadId)
  const stored = new Map<number, { etag: string; size: number }>()
  for (const { partNumber } of parts) {
    const stats = await stat(partPath(folder, partNumber), { bigint: true }).catch((error: unknown) => {
      if (isMissing(error)) return null
      throw error
    })
    if (stats !== null) stored.set(partNumber, { etag: statEtag(stats), size: Number(stats.size) })
  }
  checkParts(file.uri, parts, stored)
  await checkCondition(file, condition)
  let etag = ''
  const temporary = await writeTemporary(file, async (handle) => {
    for (const { partNumber } of parts) {
      const part = await openFile(partPath(folder, partNumber))
      if (part === null) throw unknownUpload(file, uploadId)
      try {
        for await (const bytes of readWindows(file.uri, part, 0, Number(part.stats.size), COPY_WINDOW)) await writeAll(handle, bytes)
      } finally {
        await part.handle.close()
      }
    }
    etag = statEtag(await handle.stat({ bigint: true }))
  })
  await publish(file, temporary, condition)
  await dropUpload(file, uploadId)
  return etag
}

/** Ids of the object's uploads that were neither completed nor dropped. */
export async function openUploads(file: FilePath): Promise<string[]> {
  return (await entriesOf(file.folder)).map((entry) => uploadIdOf(file, entry)).filter((uploadId) => uploadId !== null)
}

/** Open uploads of the objects in a folder (a path that ends in `/`), as far as their hidden names still tell the object's. */
export async function openUploadsIn(folder: string): Promise<OpenUpload[]> {
  return (await entriesOf(folder)).flatMap((entry) => {
    const upload = uploadOf(entry)
    return upload === null ? [] : [{ uri: fileUri(folder + upload.name), uploadId: upload.uploadId }]
  })
}

async function entriesOf(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
}

/** Forgets an upload in one step, then frees its space. One that is unknown counts as dropped. */
export async function dropUpload(file: FilePath, uploadId: string): Promise<void> {
  const folder = uploadFolder(file, uploadId)
  if (folder === null) return
  const doomed = temporaryPath(file)
  try {
    await rename(folder, doomed)
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  await rm(doomed, { recursive: true, force: true })
}

async function storePart(file: FilePath, uploadId: string, partNumber: number, content: () => AsyncIterable<Uint8Array>): Promise<UploadedPart> {
  checkPartNumber(partNumber)
  const folder = await openUpload(file, uploadId)
  const path = partPath(folder, partNumber)
  const temporary = temporaryPath({ uri: file.uri, path, folder, name: String(partNumber) })
  try {
    const handle = await open(temporary, 'wx')
    let etag: string
    try {
      for await (const bytes of content()) await writeAll(handle, bytes)
      await handle.sync()
      etag = statEtag(await handle.stat({ bigint: true }))
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
    return { partNumber, etag }
  } catch (error) {
    // The folder goes when another process completes or drops the upload.
    if (isErrno(error, 'ENOENT')) await openUpload(file, uploadId)
    await rm(temporary, { force: true })
    throw error
  }
}

async function openUpload(file: FilePath, uploadId: string): Promise<string> {
  const folder = knownFolder(file, uploadId)
  try {
    await stat(folder)
  } catch (error) {
    if (isMissing(error)) throw unknownUpload(file, uploadId)
    throw error
  }
  return folder
}

function knownFolder(file: FilePath, uploadId: string): string {
  const folder = uploadFolder(file, uploadId)
  if (folder === null) throw unknownUpload(file, uploadId)
  return folder
}

function partPath(folder: string, partNumber: number): string {
  return join(folder, `part-${partNumber}`)
}

function unknownUpload(file: FilePath, uploadId: string): StorageError {
  return new StorageError('NotFound', file.uri, `No upload ${uploadId} is open`)
}
