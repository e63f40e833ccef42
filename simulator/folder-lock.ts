import { randomBytes } from 'node:crypto'
import { link, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, readIfExists, temporaryName } from './durable-file.ts'
import { isAlive, ownIdentity, parseIdentity, type ProcessIdentity } from './process-identity.ts'

export interface FolderLock {
  /** Lets the next one in. Idempotent. */
  release(): Promise<void>
}

async function generations(folder: string, name: string): Promise<number[]> {
  const found: number[] = []
  for (const entry of await readdir(folder)) {
    const digits = entry.startsWith(`${name}.`) ? entry.slice(name.length + 1) : ''
    if (/^\d{1,15}$/.test(digits)) found.push(Number(digits))
  }
  return found.sort((a, b) => a - b)
}

async function holderOf(path: string): Promise<ProcessIdentity | null> {
  const text = await readIfExists(path)
  return text === null || text === '' ? null : parseIdentity(JSON.parse(text))
}

/**
 * Tries to take the lock `name` of a folder, for this process. Returns the lock, or the process that holds it.
 *
 * Each acquisition is a file `name.<generation>` made by link(), so that one taker wins each generation, and the highest
 * is the lock. It is free when its process is dead or has emptied it, so a crash or kill -9 locks nobody out; and because
 * takers add a generation instead of removing the old one, two that find the same dead holder cannot both win.
 */
export async function tryLock(folder: string, name: string): Promise<FolderLock | { readonly holder: ProcessIdentity }> {
  const own = JSON.stringify({ ...ownIdentity(), nonce: randomBytes(12).toString('hex') })
  for (;;) {
    const highest = (await generations(folder, name)).at(-1) ?? 0
    const holder = highest === 0 ? null : await holderOf(join(folder, `${name}.${highest}`))
    if (holder !== null && isAlive(holder)) return { holder }
    const path = join(folder, `${name}.${highest + 1}`)
    const temporary = temporaryName(path)
    await writeFile(temporary, own, { flag: 'wx' })
    try {
      await link(temporary, path)
    } catch (error) {
      if (hasCode(error, 'EEXIST')) continue
      throw error
    } finally {
      await rm(temporary, { force: true })
    }
    const seen = await generations(folder, name)
    // A taker that slept may link a generation that was taken and cleared away long before: a higher one is the lock.
    if (seen.some((generation) => generation > highest + 1)) {
      await rm(path, { force: true })
      continue
    }
    for (const older of seen) if (older <= highest) await rm(join(folder, `${name}.${older}`), { force: true })
    return { release: () => release(path, own) }
  }
}

async function release(path: string, own: string): Promise<void> {
  // In a folder that was removed and made again, the same generation is another's lock.
  if ((await readIfExists(path)) !== own) return
  try {
    await truncate(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}
