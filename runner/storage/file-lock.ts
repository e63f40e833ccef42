import { readlink, symlink, unlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { isErrno } from './file-errors.ts'
import { newOwnerToken, nonceOf, OWNER_TOKEN, ownerIsDead } from './file-owner.ts'
import { StorageError } from './storage.ts'

/** How long a lock of a living process is waited for, in milliseconds. Locks are held for one small read and one rename. */
const LOCK_WAIT_MS = 30_000
/** Longest pause between two tries, in milliseconds. */
const LOCK_PAUSE_MS = 20

/** Ends of the queues of this process's own waiters, by lock path; an entry goes when its queue is empty. */
const queues = new Map<string, Promise<void>>()

/**
 * Runs `work` while holding the lock at `path`: one holder at a time over all processes of the machine. A lock whose
 * holder died is removed. Throws Unavailable when a living holder (or one of another host, which cannot be judged) keeps it for 30 s.
 */
export async function withFileLock<T>(path: string, uri: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(path)
  const turn = Promise.withResolvers<void>()
  queues.set(path, turn.promise)
  try {
    await before
    await acquire(path, uri)
    try {
      return await work()
    } finally {
      await unlink(path)
    }
  } finally {
    if (queues.get(path) === turn.promise) queues.delete(path)
    turn.resolve()
  }
}

/** Removes a lock whose holder died; leaves any other. */
export async function removeDeadLock(path: string, uri: string): Promise<void> {
  const holder = await holderOf(path)
  if (holder !== null && ownerIsDead(holder)) await removeLockOf(holder, path, uri)
}

/** A lock is a symbolic link whose target is the owner's token: made in one step, so it never exists without its owner. */
async function acquire(path: string, uri: string): Promise<void> {
  const token = newOwnerToken()
  const deadline = performance.now() + LOCK_WAIT_MS
  for (let pause = 1; ; pause = Math.min(pause * 2, LOCK_PAUSE_MS)) {
    try {
      await symlink(token, path)
      return
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error
    }
    const holder = await holderOf(path)
    if (holder === null) continue
    if (ownerIsDead(holder)) {
      await removeLockOf(holder, path, uri)
      continue
    }
    if (performance.now() > deadline) {
      throw new StorageError('Unavailable', uri, `The lock ${path} is held by ${holder} for over ${LOCK_WAIT_MS / 1000} s; if that process is gone, remove the lock`)
    }
    await sleep(pause)
  }
}

/**
 * Removes the lock of a dead holder. A lock of token T is removed only by T's process or under T's mark, itself a lock,
 * while the lock still names T: so two that saw the same dead holder cannot remove each other's new lock.
 */
async function removeLockOf(holder: string, path: string, uri: string): Promise<void> {
  const mark = `${path}-${nonceOf(holder)}`
  await acquire(mark, uri)
  try {
    if ((await holderOf(path)) === holder) await unlink(path)
  } finally {
    await unlink(mark)
  }
}

/** The token in a lock, null when there is no lock. Something else under the lock's name is reported as its holder. */
async function holderOf(path: string): Promise<string | null> {
  try {
    const target = await readlink(path)
    return OWNER_TOKEN.test(target) ? target : `an unknown owner (${target})`
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null
    if (isErrno(error, 'EINVAL')) return 'an unknown owner (not a lock of llmbatch)'
    throw error
  }
}
