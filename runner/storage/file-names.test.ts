import { describe, expect, it } from 'vitest'
import { filePath, fileUri, isHiddenName, isLockName, lockPath, newUploadId, temporaryOwner, temporaryPath, uploadFolder } from './file-names.ts'
import { newOwnerToken, ownerIsDead } from './file-owner.ts'

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)

describe('file URIs', () => {
  it('are file:// and the path as it is', () => {
    expect(filePath('file:///data/a%20b #1.parquet')).toEqual({ uri: 'file:///data/a%20b #1.parquet', path: '/data/a%20b #1.parquet', folder: '/data', name: 'a%20b #1.parquet' })
    expect(filePath('file:///top').folder).toBe('/')
    expect(fileUri('/data/x')).toBe('file:///data/x')
  })

  it.each(['file:relative', 'file://host/path', 's3://bucket/key', '/path', 'file:///a//b', 'file:///a/../b', 'file:///./a', 'file:///a/', 'file:///', 'file:///a\0b'])('refuses %j', (uri) => {
    expect(() => filePath(uri)).toThrow(expect.objectContaining({ name: 'StorageError' }))
  })
})

describe('hidden names', () => {
  const file = filePath('file:///data/part one.parquet')

  it('lie beside the object and are told from all others', () => {
    for (const path of [temporaryPath(file), lockPath(file), `${lockPath(file)}-0123456789ab`, uploadFolder(file, newUploadId()) ?? '']) {
      expect(path.startsWith('/data/.part one.parquet.llmbatch-')).toBe(true)
      expect(isHiddenName(nameOf(path))).toBe(true)
    }
    for (const name of ['.llmbatch', '.hidden', 'x.llmbatch-lock', '.llmbatch-lock', '.x.llmbatch-lock.parquet', '.x.llmbatch-upload-1']) expect(isHiddenName(name), name).toBe(false)
    expect(isLockName(nameOf(lockPath(file)))).toBe(true)
    expect(isLockName(nameOf(temporaryPath(file)))).toBe(false)
  })

  it('cannot be taken by objects or folders of objects', () => {
    expect(() => filePath('file:///data/.x.llmbatch-lock')).toThrow('keeps for its locks')
    expect(() => filePath('file:///data/.x.llmbatch-upload-0123456789abcdef01234567/part-1')).toThrow('keeps for its locks')
  })

  it('stay under 255 bytes for the longest names', () => {
    for (const name of ['x'.repeat(255), 'ö'.repeat(127)]) {
      const long = filePath(`file:///data/${name}`)
      for (const path of [temporaryPath(long), `${lockPath(long)}-0123456789ab-0123456789ab`, uploadFolder(long, newUploadId()) ?? '']) {
        expect(Buffer.byteLength(nameOf(path))).toBeLessThanOrEqual(255)
        expect(isHiddenName(nameOf(path))).toBe(true)
      }
    }
  })

  it('name the process that made a temporary file', () => {
    const owner = temporaryOwner(nameOf(temporaryPath(file)))
    expect(owner).not.toBeNull()
    expect(ownerIsDead(owner ?? '')).toBe(false)
    expect(temporaryOwner(nameOf(lockPath(file)))).toBeNull()
  })
})

describe('owners', () => {
  const [host = '', pid = '', start = '', nonce = ''] = newOwnerToken().split('.')

  it('are dead when no process has the pid, or when another process has it now', () => {
    // Linux gives no pid of 2^22 or more.
    expect(ownerIsDead([host, '4194305', start, nonce].join('.'))).toBe(true)
    expect(ownerIsDead([host, pid, start, nonce].join('.'))).toBe(false)
    expect(ownerIsDead([host, pid, `${start}1`, nonce].join('.'))).toBe(start !== '0')
  })

  it('count as alive when they are of another host, or unreadable', () => {
    expect(ownerIsDead(['00000000', '4194305', start, nonce].join('.'))).toBe(false)
    expect(ownerIsDead('gibberish')).toBe(false)
  })
})
