import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureSimulator } from './detached.ts'
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.ts'
import { readAddress } from './serve.ts'

let folder = ''
const started: ProcessIdentity[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulator-detached-'))
})
afterEach(async () => {
  for (const each of started.splice(0)) {
    if (isAlive(each)) process.kill(each.pid, 'SIGKILL')
    await expect.poll(() => isAlive(each)).toBe(false)
  }
  await rm(folder, { recursive: true })
})

async function ensure(): Promise<{ url: string; process: ProcessIdentity }> {
  const { url } = await ensureSimulator(folder, { idleExitSeconds: 20 })
  const address = await readAddress(folder)
  if (address === null) throw new Error('no address')
  started.push(address.process)
  expect(url).toBe(address.url)
  return address
}

async function identityAt(url: string): Promise<unknown> {
  const state: unknown = await (await fetch(`${url}/simulator/state`)).json()
  return typeof state === 'object' && state !== null && 'identity' in state ? state.identity : null
}

describe('ensureSimulator', () => {
  it('starts one simulator for many callers at once, and finds it again', async () => {
    const addresses = await Promise.all([ensure(), ensure(), ensure(), ensure()])
    expect(new Set(addresses.map((each) => `${each.url} ${each.process.pid}`)).size).toBe(1)
    expect(addresses[0]?.process.pid).not.toBe(process.pid)
    expect(await ensure()).toEqual(addresses[0])
  })

  it('starts another in place of one that was killed, with the same state', async () => {
    const first = await ensure()
    const identity = await identityAt(first.url)
    process.kill(first.process.pid, 'SIGKILL')
    await expect.poll(() => isAlive(first.process)).toBe(false)
    const second = await ensure()
    expect(second.process).not.toEqual(first.process)
    expect(await identityAt(second.url)).toBe(identity)
  })

  it.each([
    ['whose process is gone', 'http://127.0.0.1:9', { pid: 2 ** 22 + 1, startTime: '1' }],
    ['whose pid another process has', 'http://127.0.0.1:9', { pid: process.pid, startTime: 'long ago' }],
    ['at which nobody listens', 'http://127.0.0.1:9', ownIdentity()],
  ])('replaces an address %s', async (_what, url, identity) => {
    await writeFile(join(folder, 'address.json'), JSON.stringify({ url, process: identity }))
    expect(await identityAt((await ensure()).url)).toMatch(/^[0-9a-f]{24}$/)
  })

  it('replaces an address at which something else answers', async () => {
    const server = createServer((_request, response) => response.end('hello'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    await writeFile(join(folder, 'address.json'), JSON.stringify({ url: `http://127.0.0.1:${port}`, process: ownIdentity() }))
    expect((await ensure()).process.pid).not.toBe(process.pid)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  it('names the log when it does not start, and lets the next caller try', async () => {
    await expect(ensureSimulator(folder, { behaviour: '{"seeds": 1}' })).rejects.toThrow(join(folder, 'simulator.log'))
    expect(await readFile(join(folder, 'simulator.log'), 'utf8')).toContain('seeds')
    await ensure()
  })

  it('works in a folder that is not there yet, and again when it was removed', async () => {
    const outer = folder
    folder = join(outer, 'deep', 'state')
    const first = await ensure()
    await rm(folder, { recursive: true })
    await mkdir(folder)
    const second = await ensure()
    expect(second.process).not.toEqual(first.process)
    process.kill(first.process.pid, 'SIGTERM')
    await expect.poll(() => isAlive(first.process)).toBe(false)
    expect(await ensure()).toEqual(second)
    folder = outer
  })
})
