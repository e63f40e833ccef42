import { StorageError } from './storage.ts'

/** The errno name of a file system error, e.g. ENOENT; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && 'syscall' in error ? error.code : undefined
}

/** Whether an error is a file system error with one of these errno names. */
export function isErrno(error: unknown, ...names: readonly string[]): boolean {
  const errno = errnoOf(error)
  return errno !== undefined && names.includes(errno)
}

/** What a reader meets where nothing is: no such name, or a name below a file. */
export function isMissing(error: unknown): boolean {
  return isErrno(error, 'ENOENT', 'ENOTDIR')
}

/** A file system error as a StorageError that names what failed and why; any other error as it is. */
export function asStorageError(error: unknown, uri: string, what: string): unknown {
  const errno = errnoOf(error)
  if (errno === undefined || !(error instanceof Error)) return error
  const options = { cause: error }
  switch (errno) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StorageError('Denied', uri, `${what} is not permitted (${error.message})`, options)
    case 'ENOTDIR':
    case 'EISDIR':
    case 'EEXIST':
      return new StorageError('Misused', uri, `${what} failed: a name cannot be both a file and a folder (${error.message})`, options)
    case 'ENAMETOOLONG':
      return new StorageError('Misused', uri, `${what} failed (${error.message})`, options)
    default:
      // ENOSPC, EDQUOT, EIO, EMFILE and the rest: the system's own words say best what is wrong.
      return new StorageError('Unavailable', uri, `${what} failed (${error.message})`, options)
  }
}

/** Runs `work`, turning its file system errors into StorageErrors. */
export async function guarded<T>(uri: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asStorageError(error, uri, what)
  }
}
