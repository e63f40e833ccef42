import { createHash } from 'node:crypto'
import { StorageError } from './storage.ts'
import { newNonce, newOwnerToken, OWNER_TOKEN } from './file-owner.ts'

const SCHEME = 'file://'
/** Longest part of an object's name that a hidden name repeats, in bytes; most file systems end names at 255. */
const STEM_LIMIT = 120
const HIDDEN = /^\..+\.llmbatch-(?:tmp-(?<owner>.+)|lock(?:-[0-9a-f]{12})*|upload-[0-9a-f]{24})$/su

/** Path, folder and name of an object. */
export interface FilePath {
  readonly uri: string
  readonly path: string
  readonly folder: string
  readonly name: string
}

/** The path of `file:///abs/path`, taken as it is (`%20` stays `%20`). Throws StorageError on what cannot be an object's URI. */
export function filePath(uri: string): FilePath {
  const path = absolutePath(uri)
  const segments = path.split('/').slice(1)
  const name = segments.at(-1) ?? ''
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new StorageError('Misused', uri, 'The URI of a file has no empty, `.` or `..` segments and does not end in `/`')
  }
  if (segments.some(isHiddenName)) throw new StorageError('Misused', uri, 'The name is of the form that llmbatch keeps for its locks and temporary files')
  return { uri, path, folder: path.slice(0, path.length - name.length - 1) || '/', name }
}

/** The path after `file://`. Throws StorageError when the URI is none with an absolute path. */
export function absolutePath(uri: string): string {
  if (!uri.startsWith(`${SCHEME}/`)) throw new StorageError('Misused', uri, 'The URI is not file:// followed by an absolute path')
  if (uri.includes('\0')) throw new StorageError('Misused', uri.replaceAll('\0', '\\0'), 'The URI holds a NUL character')
  return uri.slice(SCHEME.length)
}

/** The URI of an absolute path. */
export function fileUri(path: string): string {
  return SCHEME + path
}

/** Whether a name is a lock, a temporary file or an upload in progress: such names are no objects and never listed. */
export function isHiddenName(name: string): boolean {
  return HIDDEN.test(name)
}

/** Owner token of a temporary name, null for any other name. */
export function temporaryOwner(name: string): string | null {
  const owner = HIDDEN.exec(name)?.groups?.['owner']
  return owner !== undefined && OWNER_TOKEN.test(owner) ? owner : null
}

/** Whether a name is that of a lock, or of a mark to remove a lock whose holder died. */
export function isLockName(name: string): boolean {
  return isHiddenName(name) && /\.llmbatch-lock(?:-[0-9a-f]{12})*$/.test(name)
}

/** A fresh temporary path beside the object. */
export function temporaryPath({ folder, name }: FilePath): string {
  return hiddenPath(folder, name, `tmp-${newOwnerToken()}`)
}

/** The path of the object's lock. */
export function lockPath({ folder, name }: FilePath): string {
  return hiddenPath(folder, name, 'lock')
}

/** A fresh upload id. */
export function newUploadId(): string {
  return newNonce() + newNonce()
}

/** The folder that holds an upload's parts; null when the id cannot be one of ours. */
export function uploadFolder({ folder, name }: FilePath, uploadId: string): string | null {
  return /^[0-9a-f]{24}$/.test(uploadId) ? hiddenPath(folder, name, `upload-${uploadId}`) : null
}

/** The upload id that a folder's entry stands for; null when it is no upload of this object. */
export function uploadIdOf(file: FilePath, entry: string): string | null {
  const uploadId = entry.slice(-24)
  return uploadFolder(file, uploadId) === `${file.folder === '/' ? '' : file.folder}/${entry}` ? uploadId : null
}

/** The object's name and the upload id of a hidden folder's name; null when it is no upload, or one of an object whose name was too long to repeat. */
export function uploadOf(entry: string): { readonly name: string; readonly uploadId: string } | null {
  const found = /^\.(.+)\.llmbatch-upload-([0-9a-f]{24})$/su.exec(entry)
  const [, name, uploadId] = found ?? []
  return name === undefined || uploadId === undefined || /^[0-9a-f]{64}$/.test(name) ? null : { name, uploadId }
}

function hiddenPath(folder: string, name: string, suffix: string): string {
  const stem = Buffer.byteLength(name) <= STEM_LIMIT ? name : createHash('sha256').update(name).digest('hex')
  return `${folder === '/' ? '' : folder}/.${stem}.llmbatch-${suffix}`
}
