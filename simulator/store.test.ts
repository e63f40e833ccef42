import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FolderStore } from './folder-store.ts'
import { MemoryStore } from './memory-store.ts'
import type { FileRecord } from './records.ts'
import type { SimulatorStore } from './store.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulator-store-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function openFolder(): Promise<FolderStore> {
  const store = await FolderStore.open(folder)
  if (store instanceof FolderStore) return store
  throw new Error(`held by ${store.holder.pid}`)
}

function file(id: string, sequence: number, bytes = 0): FileRecord {
  return { kind: 'file', id, sequence, organization: 'org', filename: 'ü.jsonl', purpose: 'batch', bytes, createdAtMs: 1, expiresAtMs: null, deletedAtMs: null }
}

async function write(store: SimulatorStore, name: string, ...pieces: string[]): Promise<void> {
  const content = await store.createContent(name)
  for (const piece of pieces) await content.write(Buffer.from(piece))
  await content.commit()
}

async function read(store: SimulatorStore, name: string): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of store.readContent(name)) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}

describe.each([
  ['MemoryStore', async (): Promise<[SimulatorStore, () => Promise<void>]> => [new MemoryStore(), async () => undefined]],
  [
    'FolderStore',
    async (): Promise<[SimulatorStore, () => Promise<void>]> => {
      const store = await openFolder()
      return [store, () => store.close()]
    },
  ],
])('%s', (_name, make) => {
  let store: SimulatorStore = new MemoryStore()
  let close = async (): Promise<void> => undefined
  beforeEach(async () => {
    ;[store, close] = await make()
  })
  afterEach(() => close())

  it('loads the last version of every record, in order of sequence', async () => {
    await store.put([file('b', 2), file('a', 1)])
    await store.put([file('b', 2, 7)])
    await store.put([file('c', 3)])
    expect(await store.load()).toEqual([file('a', 1), file('b', 2, 7), file('c', 3)])
  })

  it('shows a content when it is committed, whole, and replaces the one before', async () => {
    const content = await store.createContent('x')
    await content.write(Buffer.from('half'))
    await expect(read(store, 'x')).rejects.toThrow()
    await content.write(Buffer.from(' whole'))
    expect(content.bytes).toBe(10)
    await content.commit()
    await content.abandon()
    expect(await read(store, 'x')).toBe('half whole')
    await write(store, 'x', 'next')
    expect(await read(store, 'x')).toBe('next')
  })

  it('forgets what is abandoned or removed', async () => {
    const content = await store.createContent('x')
    await content.write(Buffer.from('text'))
    await content.abandon()
    await content.abandon()
    await expect(read(store, 'x')).rejects.toThrow()
    await write(store, 'y', 'text')
    await store.removeContent('y')
    await store.removeContent('y')
    await expect(read(store, 'y')).rejects.toThrow()
  })

  it('lets a reader go on when the content is removed under it', async () => {
    await write(store, 'x', 'a'.repeat(200_000), 'b'.repeat(200_000))
    let bytes = 0
    for await (const piece of store.readContent('x')) {
      if (bytes === 0) await store.removeContent('x')
      bytes += piece.byteLength
    }
    expect(bytes).toBe(400_000)
  })
})

describe('FolderStore', () => {
  it('keeps identity, records and contents when it is opened again', async () => {
    const first = await openFolder()
    await write(first, 'file-1', 'text')
    await first.put([file('file-1', 1)])
    await first.close()
    const second = await openFolder()
    expect(second.identity).toBe(first.identity)
    expect(await second.load()).toEqual([file('file-1', 1)])
    expect(await read(second, 'file-1')).toBe('text')
    await second.put([file('file-2', 2)])
    expect(await second.load()).toEqual([file('file-1', 1), file('file-2', 2)])
    await second.close()
  })

  it('leaves out a transaction that a crash tore, and what belonged to it', async () => {
    const first = await openFolder()
    await first.put([file('file-1', 1)])
    await write(first, 'file-1', 'kept')
    await write(first, 'file-2', 'lost')
    await write(first, 'bill-batch_1', 'kept')
    await first.close()
    await writeFile(join(folder, 'contents', 'file-1.0a1b2c3d4e5f.tmp'), 'unfinished')
    await appendFile(join(folder, 'journal.jsonl'), JSON.stringify([file('file-2', 2)]).slice(0, 40))
    const second = await openFolder()
    expect(await second.load()).toEqual([file('file-1', 1)])
    expect((await readdir(join(folder, 'contents'))).toSorted()).toEqual(['bill-batch_1', 'file-1'])
    await second.put([file('file-3', 3)])
    await second.close()
    const third = await openFolder()
    expect(await third.load()).toEqual([file('file-1', 1), file('file-3', 3)])
    await third.close()
  })

  it('rewrites its journal when it is opened, so that it does not grow for ever', async () => {
    const first = await openFolder()
    for (let n = 0; n < 50; n += 1) await first.put([file('file-1', 1, n)])
    await first.close()
    await (await openFolder()).close()
    expect(await readFile(join(folder, 'journal.jsonl'), 'utf8')).toBe(`${JSON.stringify([file('file-1', 1, 49)])}\n`)
  })

  it('has one user at a time, and names it', async () => {
    const first = await openFolder()
    expect(await FolderStore.open(folder)).toMatchObject({ holder: { pid: process.pid } })
    await first.close()
    await (await openFolder()).close()
  })

  it('refuses a folder of another layout', async () => {
    await writeFile(join(folder, 'identity.json'), '{"layoutVersion": 2, "identity": "x"}')
    await expect(FolderStore.open(folder)).rejects.toThrow('layout version 2')
    await writeFile(join(folder, 'identity.json'), '{"layoutVersion": 1, "identity": "x"}')
    await (await openFolder()).close()
  })
})
