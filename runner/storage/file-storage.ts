import { stat } from 'node:fs/promises'
import { contentEtag, openFile, openMatching, readExactly, readWindows, statEtag } from './file-content.ts'
import { guarded, isMissing, asStorageError } from './file-errors.ts'
import { listFiles } from './file-list.ts'
import { absolutePath, filePath, type FilePath } from './file-names.ts'
import { checkCondition, publish, removeObject, sweepFolder, writeAll, writeTemporary } from './file-publish.ts'
import { beginUpload, completeUpload, copyPart, dropUpload, openUploads, openUploadsIn, uploadPart, type CopySource } from './file-upload.ts'
import { GET_LIMIT, StorageError, type ObjectInfo, type OpenUpload, type Storage, type UploadedPart, type WriteCondition } from './storage.ts'
import { checkRange, READ_WINDOW } from './upload-parts.ts'

/**
 * Objects as files, `file:///abs/path` (not percent-encoded). Several processes of one machine may share a folder; the file
 * system needs hard and symbolic links.
 *
 * - A new object is a temporary file that is synced, then given its name by link(); a replaced one is renamed over under a
 *   lock. So an object is whole or absent whenever a process is killed, and what it leaves behind has hidden names, which
 *   the next writer of that folder removes.
 * - An object has two ETags: `sha256-…` of its content from `get` and `put`, `stat-…` (size, time, inode) from `head`, `list` and
 *   `completeUpload`; every If-Match takes both.
 * - Folders are made when needed and stay. A folder is no object, and a name cannot be both.
 */
export class FileStorage implements Storage {
  /** Folders written to, whose leftovers were removed. */
  readonly #swept = new Set<string>()

  async head(uri: string): Promise<ObjectInfo | null> {
    const { path } = filePath(uri)
    return await guarded(uri, 'Looking at the file', async () => {
      try {
        const stats = await stat(path, { bigint: true })
        return stats.isFile() ? { uri, etag: statEtag(stats), size: Number(stats.size) } : null
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    })
  }

  async get(uri: string): Promise<{ readonly etag: string; readonly bytes: Uint8Array } | null> {
    const { path } = filePath(uri)
    return await guarded(uri, 'Reading the file', async () => {
      const opened = await openFile(path)
      if (opened === null) return null
      try {
        if (opened.stats.size > GET_LIMIT) throw new StorageError('Misused', uri, `The object has over ${GET_LIMIT} bytes and is read by ranges only`)
        const bytes = await readExactly(opened.handle, 0, Number(opened.stats.size))
        if (bytes === null) throw new StorageError('Unavailable', uri, 'The file was cut short while it was read')
        return { etag: contentEtag(bytes), bytes }
      } finally {
        await opened.handle.close()
      }
    })
  }

  async *read(uri: string, from: number, to: number, ifMatch: string): AsyncIterable<Uint8Array> {
    const file = filePath(uri)
    const opened = await guarded(uri, 'Opening the file', () => openMatching(file, ifMatch))
    try {
      checkRange(uri, from, to, Number(opened.stats.size))
      yield* readWindows(uri, opened, from, to, READ_WINDOW)
    } catch (error) {
      throw asStorageError(error, uri, 'Reading the file')
    } finally {
      await opened.handle.close()
    }
  }

  async put(uri: string, bytes: Uint8Array, condition: WriteCondition): Promise<string> {
    const file = filePath(uri)
    return await guarded(uri, 'Writing the file', async () => {
      // Spares the write when the condition cannot hold; it is checked again when the write takes effect.
      await checkCondition(file, condition)
      await this.#sweep(file)
      let etag = contentEtag(bytes)
      const temporary = await writeTemporary(file, async (handle) => {
        await writeAll(handle, bytes)
        if (bytes.length > GET_LIMIT) etag = statEtag(await handle.stat({ bigint: true }))
      })
      await publish(file, temporary, condition)
      return etag
    })
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    const path = absolutePath(prefix)
    try {
      yield* listFiles(path)
    } catch (error) {
      throw asStorageError(error, prefix, 'Listing the folder')
    }
  }

  async remove(uri: string): Promise<void> {
    const file = filePath(uri)
    await guarded(uri, 'Removing the file', () => removeObject(file))
  }

  async beginUpload(uri: string): Promise<string> {
    const file = filePath(uri)
    return await guarded(uri, 'Beginning an upload', async () => {
      await this.#sweep(file)
      return await beginUpload(file)
    })
  }

  async uploadPart(uri: string, uploadId: string, partNumber: number, bytes: Uint8Array): Promise<UploadedPart> {
    const file = filePath(uri)
    return await guarded(uri, `Writing part ${partNumber}`, () => uploadPart(file, uploadId, partNumber, bytes))
  }

  async copyPart(uri: string, uploadId: string, partNumber: number, source: CopySource): Promise<UploadedPart> {
    const file = filePath(uri)
    return await guarded(uri, `Copying part ${partNumber} from ${source.uri}`, () => copyPart(file, uploadId, partNumber, source))
  }

  async completeUpload(uri: string, uploadId: string, parts: readonly UploadedPart[], condition: WriteCondition): Promise<string> {
    const file = filePath(uri)
    return await guarded(uri, 'Completing the upload', () => completeUpload(file, uploadId, parts, condition))
  }

  async listUploads(uri: string): Promise<readonly string[]> {
    const file = filePath(uri)
    return await guarded(uri, 'Listing uploads', () => openUploads(file))
  }

  async listFolderUploads(folder: string): Promise<readonly OpenUpload[]> {
    return await guarded(folder, 'Listing uploads', () => openUploadsIn(absolutePath(folder)))
  }

  async abortUpload(uri: string, uploadId: string): Promise<void> {
    const file = filePath(uri)
    await guarded(uri, 'Dropping the upload', () => dropUpload(file, uploadId))
  }

  /** Removes what dead processes left in a folder, once for each folder that this process writes to. */
  async #sweep({ folder }: FilePath): Promise<void> {
    if (this.#swept.has(folder)) return
    this.#swept.add(folder)
    await sweepFolder(folder)
  }
}
