import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * Who made a lock or a temporary file: `<host>.<pid>.<start>.<nonce>`, usable as a part of a file name.
 * host: hash of host name and pid namespace. start: boot id and start tick of the process, so that a pid that was given
 * to another process is not taken for its former owner; `0` where the system has no /proc. nonce: new for each token.
 */
export const OWNER_TOKEN = /^([0-9a-f]{8})\.(\d{1,10})\.([0-9a-f]{1,32})\.([0-9a-f]{12})$/

const host = createHash('sha256').update(`${hostname()}\0${pidNamespace()}`).digest('hex').slice(0, 8)
const boot = bootId()
const ownStart = processStart(process.pid)?.start ?? '0'

/** A token of this process that no other token equals. */
export function newOwnerToken(): string {
  return `${host}.${process.pid}.${ownStart}.${newNonce()}`
}

/** A random 48-bit nonce, hex. */
export function newNonce(): string {
  return randomBytes(6).toString('hex')
}

/** The nonce of a token. Throws TypeError on text that is none. */
export function nonceOf(token: string): string {
  const nonce = OWNER_TOKEN.exec(token)?.[4]
  if (nonce === undefined) throw new TypeError(`not an owner token: ${JSON.stringify(token)}`)
  return nonce
}

/**
 * Whether a token's process is known to have ended. A process of another host or container cannot be judged from here
 * and counts as alive, and so does a token that cannot be read.
 */
export function ownerIsDead(token: string): boolean {
  const match = OWNER_TOKEN.exec(token)
  if (match === null || match[1] !== host) return false
  const pid = Number(match[2])
  if (!pidExists(pid)) return true
  const seen = processStart(pid)
  if (seen === null) return false
  return seen.ended || (match[3] !== '0' && seen.start !== match[3])
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives and is another user's.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

/** Boot id and start tick, and whether the process ended but was not yet reaped; null where /proc does not tell. */
function processStart(pid: number): { readonly start: string; readonly ended: boolean } | null {
  const stat = readOrNull(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  if (stat === null) return null
  // proc(5): the name in parentheses may hold spaces and parentheses; state is field 3, starttime field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, tick] = [fields[0], fields[19]]
  if (state === undefined || tick === undefined || !/^\d+$/.test(tick)) return null
  return { start: `${boot}${Number(tick).toString(16)}`, ended: state === 'Z' || state === 'X' }
}

function bootId(): string {
  return readOrNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8)) ?? '00000000'
}

function pidNamespace(): string {
  return readOrNull(() => readlinkSync('/proc/self/ns/pid')) ?? ''
}

/** What /proc says, null where there is no /proc or it hides the process. */
function readOrNull(read: () => string): string | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null
    throw error
  }
}
