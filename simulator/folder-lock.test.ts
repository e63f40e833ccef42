import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FolderLock, tryLock } from './folder-lock.ts'
import { ownIdentity } from './process-identity.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulator-lock-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function take(): Promise<FolderLock> {
  const lock = await tryLock(folder, 'lock')
  if ('holder' in lock) throw new Error(`held by ${lock.holder.pid}`)
  return lock
}

describe('tryLock', () => {
  it('gives the lock to one of many takers, again and again', async () => {
    for (let round = 0; round < 20; round += 1) {
      const taken = await Promise.all(Array.from({ length: 8 }, () => tryLock(folder, 'lock')))
      const locks = taken.filter((each): each is FolderLock => !('holder' in each))
      expect(locks).toHaveLength(1)
      for (const lock of locks) await lock.release()
    }
    expect((await readdir(folder)).length).toBeLessThan(4)
  })

  it('takes it from a process that is dead, or whose pid another has now', async () => {
    await writeFile(join(folder, 'lock.1'), JSON.stringify({ ...ownIdentity(), startTime: 'long ago' }))
    await (await take()).release()
    await writeFile(join(folder, 'lock.9'), JSON.stringify({ pid: 2 ** 22 + 1, startTime: '1' }))
    const taken = await Promise.all(Array.from({ length: 8 }, () => tryLock(folder, 'lock')))
    expect(taken.filter((each) => !('holder' in each))).toHaveLength(1)
  })

  it('does not let go of a lock that is no longer its own', async () => {
    const first = await take()
    await first.release()
    const second = await take()
    await first.release()
    expect(await tryLock(folder, 'lock')).toHaveProperty('holder')
    for (const name of await readdir(folder)) await rm(join(folder, name))
    const third = await take()
    await second.release()
    expect(await tryLock(folder, 'lock')).toHaveProperty('holder')
    await third.release()
  })

  it('keeps locks of different names apart', async () => {
    await take()
    expect(await tryLock(folder, 'lock-two')).toHaveProperty('release')
  })
})
