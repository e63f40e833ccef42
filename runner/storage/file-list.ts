import type { BigIntStats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { statEtag } from './file-content.ts'
import { isErrno, isMissing } from './file-errors.ts'
import { fileUri, isHiddenName } from './file-names.ts'
import { StorageError, type ObjectInfo } from './storage.ts'

interface Entry {
  readonly path: string
  readonly stats: BigIntStats
  readonly sortKey: Buffer
}

/**
 * Regular files whose path starts with `prefix`, in ascending order of their UTF-8 bytes. Holds the names of one folder
 * for each level of depth. Symbolic links are followed, except one to a folder that the walk is inside of (a loop) and
 * one that leads nowhere. Pipes, sockets, devices, locks, temporary files and uploads in progress are left out.
 */
export async function* listFiles(prefix: string): AsyncGenerator<ObjectInfo> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  const stats = await statOrNull(folder)
  if (stats?.isDirectory() !== true) return
  yield* walk(folder, prefix.slice(folder.length), [identity(stats)])
}

async function* walk(folder: string, namePrefix: string, within: readonly string[]): AsyncGenerator<ObjectInfo> {
  for (const { path, stats } of await entriesOf(folder, namePrefix)) {
    if (stats.isFile()) yield { uri: fileUri(path), etag: statEtag(stats), size: Number(stats.size) }
    else if (!within.includes(identity(stats))) yield* walk(`${path}/`, '', [...within, identity(stats)])
  }
}

/** Files and folders in the order of the objects they hold: a folder's place is that of its name with the `/` that follows. */
async function entriesOf(folder: string, namePrefix: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for (const name of await namesIn(folder)) {
    if (!name.startsWith(namePrefix) || isHiddenName(name)) continue
    const path = folder + name
    const stats = await statOrNull(path)
    if (stats === null && name.includes('\uFFFD')) {
      throw new StorageError('Misused', fileUri(path), 'The name is not valid UTF-8, so the file cannot be named by a URI; rename it')
    }
    if (stats?.isFile() === true) entries.push({ path, stats, sortKey: Buffer.from(name) })
    else if (stats?.isDirectory() === true) entries.push({ path, stats, sortKey: Buffer.from(`${name}/`) })
  }
  return entries.sort((a, b) => Buffer.compare(a.sortKey, b.sortKey))
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    // The folder went away while the walk was on its way to it.
    if (isMissing(error)) return []
    throw error
  }
}

async function statOrNull(path: string): Promise<BigIntStats | null> {
  try {
    return await stat(path, { bigint: true })
  } catch (error) {
    // ELOOP: a symbolic link that leads to itself, so nowhere.
    if (isMissing(error) || isErrno(error, 'ELOOP')) return null
    throw error
  }
}

function identity(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}`
}
