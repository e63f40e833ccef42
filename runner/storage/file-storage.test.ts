import { execFileSync } from 'node:child_process'
import { appendFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collectBytes, collectItems } from './collect.ts'
import { asStorageError } from './file-errors.ts'
import { newOwnerToken } from './file-owner.ts'
import { FileStorage } from './file-storage.ts'
import { describeStorageContract } from './storage-contract.ts'

const temporaryFolder = () => mkdtemp(join(tmpdir(), 'llmbatch-file-storage-'))

describeStorageContract('FileStorage', async () => {
  const folder = await temporaryFolder()
  return { storage: new FileStorage(), root: `file://${folder}/`, cleanup: () => rm(folder, { recursive: true, force: true }) }
})

describe('FileStorage', () => {
  let top: string
  let count = 0
  const newFolder = async () => {
    const folder = join(top, `t${++count}`)
    await mkdir(folder)
    return folder
  }
  beforeAll(async () => {
    top = await temporaryFolder()
  })
  afterAll(() => rm(top, { recursive: true, force: true }))

  it('says so when a name would be both a file and a folder', async () => {
    const folder = await newFolder()
    const storage = new FileStorage()
    await storage.put(`file://${folder}/a/b`, Buffer.from('x'), { ifNoneMatch: '*' })
    for (const condition of [{ ifNoneMatch: '*' }, { ifMatch: 'x' }, { unconditional: true }] as const) {
      await expect(storage.put(`file://${folder}/a`, Buffer.from('x'), condition)).rejects.toMatchObject({ kind: 'Misused', message: expect.stringContaining('both a file and a folder') })
    }
    for (const condition of [{ ifNoneMatch: '*' }, { unconditional: true }] as const) {
      await expect(storage.put(`file://${folder}/a/b/c`, Buffer.from('x'), condition)).rejects.toMatchObject({ kind: 'Misused', message: expect.stringContaining('both a file and a folder') })
    }
    await storage.remove(`file://${folder}/a`)
    expect(await readdir(join(folder, 'a'))).toEqual(['b'])
  })

  it('reads files that others wrote, and notices that one grew or shrank', async () => {
    const folder = await newFolder()
    const storage = new FileStorage()
    const uri = `file://${folder}/input`
    await writeFile(join(folder, 'input'), 'x'.repeat(600_000))
    const etag = (await storage.head(uri))?.etag ?? ''
    expect(await collectBytes(storage.read(uri, 0, 600_000, etag))).toHaveLength(600_000)
    const reading = storage.read(uri, 0, 600_000, etag)[Symbol.asyncIterator]()
    await reading.next()
    await appendFile(join(folder, 'input'), 'y')
    await expect(collectBytes({ [Symbol.asyncIterator]: () => reading })).rejects.toMatchObject({ kind: 'PreconditionFailed' })
    await expect(collectBytes(storage.read(uri, 0, 1, etag))).rejects.toMatchObject({ kind: 'PreconditionFailed' })
  })

  it('lists through symbolic links, and ends in spite of loops', async () => {
    const folder = await newFolder()
    const elsewhere = await newFolder()
    await mkdir(join(folder, 'data'))
    await writeFile(join(folder, 'data/a'), '1')
    await writeFile(join(elsewhere, 'b'), '2')
    await symlink(elsewhere, join(folder, 'linked'))
    await symlink(join(elsewhere, 'b'), join(folder, 'link-to-file'))
    await symlink(folder, join(folder, 'data/loop'))
    await symlink('nowhere', join(folder, 'dangling'))
    await symlink('itself', join(folder, 'itself'))
    const uris = (await collectItems(new FileStorage().list(`file://${folder}/`))).map(({ uri }) => uri.slice(`file://${folder}/`.length))
    expect(uris).toEqual(['data/a', 'link-to-file', 'linked/b'])
  })

  it.skipIf(process.platform === 'win32')('takes a pipe for no object, and does not wait for its writer', async () => {
    const folder = await newFolder()
    execFileSync('mkfifo', [join(folder, 'pipe')])
    const storage = new FileStorage()
    expect(await storage.get(`file://${folder}/pipe`)).toBeNull()
    expect(await storage.head(`file://${folder}/pipe`)).toBeNull()
    expect(await collectItems(storage.list(`file://${folder}/`))).toEqual([])
  })

  it('removes what dead processes left, and nothing of living ones', async () => {
    const folder = await newFolder()
    const [host, , start, nonce] = newOwnerToken().split('.')
    const dead = `${host}.4194305.${start}.${nonce}`
    const living = newOwnerToken()
    const elsewhere = `00000000.4194305.${start}.${nonce}`
    for (const owner of [dead, living, elsewhere]) {
      await writeFile(join(folder, `.file.llmbatch-tmp-${owner}`), '')
      await mkdir(join(folder, `.folder.llmbatch-tmp-${owner}`))
      await writeFile(join(folder, `.folder.llmbatch-tmp-${owner}`, 'part-1'), '')
      await symlink(owner, join(folder, `.${owner}.llmbatch-lock`))
    }
    const storage = new FileStorage()
    await storage.put(`file://${folder}/object`, Buffer.from('x'), { ifNoneMatch: '*' })
    const left = [living, elsewhere].flatMap((owner) => [`.file.llmbatch-tmp-${owner}`, `.folder.llmbatch-tmp-${owner}`, `.${owner}.llmbatch-lock`])
    expect((await readdir(folder)).toSorted()).toEqual([...left, 'object'].toSorted())
    expect((await collectItems(storage.list(`file://${folder}/`))).map(({ uri }) => uri)).toEqual([`file://${folder}/object`])
  })

  it('leaves nothing but the object behind', async () => {
    const folder = await newFolder()
    const storage = new FileStorage()
    const uri = `file://${folder}/object`
    const etag = await storage.put(uri, Buffer.from('1'), { ifNoneMatch: '*' })
    await storage.put(uri, Buffer.from('2'), { ifMatch: etag })
    await storage.put(uri, Buffer.from('3'), { unconditional: true })
    await expect(storage.put(uri, Buffer.from('4'), { ifNoneMatch: '*' })).rejects.toThrow('exists already')
    const id = await storage.beginUpload(uri)
    const part = await storage.uploadPart(uri, id, 1, Buffer.from('5'))
    await storage.completeUpload(uri, id, [part], { unconditional: true })
    await storage.abortUpload(uri, await storage.beginUpload(uri))
    expect(await readdir(folder)).toEqual(['object'])
  })

  it('goes on with an upload that another process began', async () => {
    const folder = await newFolder()
    const uri = `file://${folder}/object`
    const id = await new FileStorage().beginUpload(uri)
    const part = await new FileStorage().uploadPart(uri, id, 1, Buffer.from('one'))
    await new FileStorage().completeUpload(uri, id, [part], { ifNoneMatch: '*' })
    expect((await new FileStorage().head(uri))?.size).toBe(3)
  })

  it('names the cause when a name is too long for the file system', async () => {
    const folder = await newFolder()
    await expect(new FileStorage().put(`file://${folder}/${'x'.repeat(256)}`, Buffer.from('x'), { ifNoneMatch: '*' })).rejects.toMatchObject({
      kind: 'Misused',
      message: expect.stringContaining('ENAMETOOLONG'),
    })
  })

  it.each([
    ['EACCES', 'Denied'],
    ['EROFS', 'Denied'],
    ['ENOSPC', 'Unavailable'],
    ['EIO', 'Unavailable'],
  ])('reports %s as %s with the system\'s words', (code, kind) => {
    const error = Object.assign(new Error(`${code}: the system's words`), { code, syscall: 'open' })
    expect(asStorageError(error, 'file:///x', 'Writing the file')).toMatchObject({ name: 'StorageError', kind, uri: 'file:///x', message: expect.stringContaining(error.message) })
  })

  it('passes on errors that are not of the file system', () => {
    const bug = new TypeError('a bug')
    expect(asStorageError(bug, 'file:///x', 'Writing')).toBe(bug)
  })
})
