import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileStorage } from './file-storage.ts'
import { isWhole } from './sealed-content.ts'

const script = join(import.meta.dirname, 'file-storage-test-process.ts')
type Child = ChildProcessByStdio<null, Readable, null>

let folder: string
let uri: string
let children: Child[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llmbatch-processes-'))
  uri = `file://${folder}/object`
  children = []
})
afterEach(async () => {
  await Promise.all(children.map(kill))
  await rm(folder, { recursive: true, force: true })
})

describe('FileStorage between processes', () => {
  it('loses no compare-and-set of four processes', async () => {
    await new FileStorage().put(uri, Buffer.from('0'), { ifNoneMatch: '*' })
    await Promise.all([1, 2, 3, 4].map(() => incremented(25)))
    expect(await content()).toBe('100')
    expect(await readdir(folder)).toEqual(['object'])
  })

  it('goes on when the holder of the lock is killed while others wait for it', async () => {
    const storage = new FileStorage()
    const etag = await storage.put(uri, Buffer.from('0'), { ifNoneMatch: '*' })
    const holder = start('hold')
    expect(await firstLine(holder)).toBe('held')
    let written = false
    const write = storage.put(uri, Buffer.from('1'), { ifMatch: etag }).then(() => (written = true))
    const others = [1, 2, 3].map(() => incremented(10))
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(written).toBe(false)
    await kill(holder)
    // The first write may lose to an increment; the increments never lose each other's.
    const [first] = await Promise.allSettled([write])
    await Promise.all(others)
    expect(Number(await content())).toBe(first.status === 'fulfilled' ? 31 : 30)
    expect(await readdir(folder)).toEqual(['object'])
  })

  for (const role of ['rewrite', 'upload'] as const) {
    it(`leaves an object whole or absent whenever the writer is killed (${role}), and the next writer cleans up`, async () => {
      for (let round = 0; round < 8; round++) {
        const writer = start(role)
        await firstLine(writer)
        await new Promise((resolve) => setTimeout(resolve, round * 3))
        await kill(writer)
        const storage = new FileStorage()
        const found = await storage.get(uri)
        expect(found !== null && isWhole(found.bytes)).toBe(true)
        const listed: string[] = []
        for await (const info of storage.list(`file://${folder}/`)) listed.push(info.uri)
        expect(listed).toEqual([uri])
        await storage.put(uri, found?.bytes ?? Buffer.alloc(0), { ifMatch: found?.etag ?? '' })
        // An upload belongs to no process: whoever knows its id may go on with it.
        const uploads = (await readdir(folder)).filter((name) => name.includes('.llmbatch-upload-'))
        expect((await readdir(folder)).toSorted()).toEqual(['object', ...uploads].toSorted())
      }
    })
  }
})

function start(...[role, count]: [role: string, count?: string]): Child {
  const child = spawn(process.execPath, [script, role, uri, ...(count === undefined ? [] : [count])], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  return child
}

/** Runs a process that increments the object, to its end. */
async function incremented(times: number): Promise<void> {
  const child = start('increment', String(times))
  child.stdout.resume()
  const [code] = (await once(child, 'exit')) as [number | null]
  expect(code).toBe(0)
}

async function firstLine(child: Child): Promise<string> {
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error('the process ended without a line')
}

async function kill(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function content(): Promise<string> {
  return Buffer.from((await new FileStorage().get(uri))?.bytes ?? []).toString()
}
