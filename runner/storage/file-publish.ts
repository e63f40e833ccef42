import { link, lstat, mkdir, open, readdir, rename, rm, stat, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '../../crds/errors.ts'
import { changed, matches, openFile } from './file-content.ts'
import { isErrno, isMissing } from './file-errors.ts'
import { removeDeadLock, withFileLock } from './file-lock.ts'
import { fileUri, isLockName, lockPath, temporaryOwner, temporaryPath, type FilePath } from './file-names.ts'
import { ownerIsDead } from './file-owner.ts'
import { StorageError, type WriteCondition } from './storage.ts'

/** Writes a temporary file beside the object, through to the disk, and returns its path. The folder is made when missing. */
export async function writeTemporary(file: FilePath, write: (handle: FileHandle) => Promise<void>): Promise<string> {
  const path = temporaryPath(file)
  const handle = await openNew(path, file.folder)
  try {
    await write(handle)
    await handle.sync()
  } catch (error) {
    await handle.close()
    await rm(path, { force: true })
    throw error
  }
  await handle.close()
  return path
}

/** Writes all bytes at the handle's position. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten
}

/**
 * Gives a temporary file the object's name if the condition holds at that moment, else removes it. The object is whole or
 * absent at any moment. Throws PreconditionFailed, or Unclear when what followed the naming failed.
 */
export async function publish(file: FilePath, temporary: string, condition: WriteCondition): Promise<void> {
  let named = false
  try {
    if ('ifNoneMatch' in condition) {
      await linkNew(file, temporary)
      named = true
    } else {
      await withFileLock(lockPath(file), file.uri, async () => {
        await checkCondition(file, condition)
        await rename(temporary, file.path)
        named = true
      })
    }
    await rm(temporary, { force: true })
    await syncFolder(file.folder)
  } catch (error) {
    // Of a link or rename that ends so, a network file system or a failing disk does not tell whether it took place.
    if (named || isErrno(error, 'EIO', 'ETIMEDOUT', 'ESTALE')) {
      throw new StorageError('Unclear', file.uri, `The object may have its name or not (${messageOf(error)})`, { cause: error })
    }
    await rm(temporary, { force: true })
    throw error
  }
}

/** Throws PreconditionFailed when the condition does not hold now, and Unavailable when the name is that of a folder. */
export async function checkCondition(file: FilePath, condition: WriteCondition): Promise<void> {
  if ('ifMatch' in condition) {
    const opened = await openFile(file.path)
    if (opened !== null) {
      try {
        if (await matches(opened, condition.ifMatch)) return
      } finally {
        await opened.handle.close()
      }
    }
    await refuseFolder(file)
    throw changed(file.uri)
  }
  if ((await refuseFolder(file)) && 'ifNoneMatch' in condition) throw exists(file.uri)
}

/** Removes the object under its lock. A missing one, or a folder of that name, is left as it is. */
export async function removeObject(file: FilePath): Promise<void> {
  if (!(await isObject(file.path))) return
  await withFileLock(lockPath(file), file.uri, async () => {
    if (await isObject(file.path)) await unlink(file.path)
  })
  await syncFolder(file.folder)
}

/** Makes what was done to a folder's names durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a folder and its parents, durably. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true })
  if (first === undefined) return
  for (let made = folder; ; made = dirname(made)) {
    await syncFolder(dirname(made))
    if (made === first) return
  }
}

/** Removes temporary files and locks that processes left in a folder when they died. What may not be removed stays: it is harmless. */
export async function sweepFolder(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    const path = join(folder, name)
    const owner = temporaryOwner(name)
    try {
      if (owner !== null && ownerIsDead(owner)) await rm(path, { recursive: true, force: true })
      else if (isLockName(name)) await removeDeadLock(path, fileUri(path))
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'EACCES', 'EPERM', 'EROFS')) throw error
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    // A folder that may be written to but not listed is not swept.
    if (isMissing(error) || isErrno(error, 'EACCES', 'EPERM')) return []
    throw error
  }
}

async function openNew(path: string, folder: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx')
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  }
  await makeFolder(folder)
  return await open(path, 'wx')
}

async function linkNew(file: FilePath, temporary: string): Promise<void> {
  try {
    await link(temporary, file.path)
  } catch (error) {
    if (isErrno(error, 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) {
      throw new StorageError('Misused', file.uri, 'The file system has no hard links, which conditional writes need', { cause: error })
    }
    if (!isErrno(error, 'EEXIST')) throw error
    // A network file system may repeat a link that had succeeded and report that repetition.
    const [ours, theirs] = [await lstat(temporary, { bigint: true }), await lstat(file.path, { bigint: true }).catch(nullIfMissing)]
    if (theirs !== null && ours.ino === theirs.ino && ours.dev === theirs.dev) return
    await refuseFolder(file)
    throw exists(file.uri)
  }
}

/** Whether something has the object's name; throws when it is a folder. */
async function refuseFolder(file: FilePath): Promise<boolean> {
  const stats = await stat(file.path).catch(nullIfMissing)
  if (stats?.isDirectory() === true) throw new StorageError('Misused', file.uri, 'A folder of that name exists; a name cannot be both a file and a folder')
  return stats !== null
}

async function isObject(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(nullIfMissing)
  return stats !== null && !stats.isDirectory()
}

function nullIfMissing(error: unknown): null {
  if (isMissing(error)) return null
  throw error
}

function exists(uri: string): StorageError {
  return new StorageError('PreconditionFailed', uri, 'The object exists already')
}
