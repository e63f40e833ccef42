/**
 * A runner for tests of the local cluster: it does what FAKE_SCRIPT says for its mode, index and try, and logs when it starts and ends.
 * FAKE_SCRIPT is JSON: {"advance:3": [first try, second try, …], "advance": […]}; the last try is repeated.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeRunnerEnvironment, shardOf } from '../../../crds/runner-environment.ts'

export interface FakeTry {
  /** Before anything else, milliseconds. */
  readonly sleepMs?: number
  /** Memory to take and hold, MiB. */
  readonly allocateMib?: number
  readonly stderr?: string
  /** Sent over IPC. */
  readonly progress?: object
  /** Written to the outcome path; `shard` and schemaVersion are filled in. A string is written as it is. */
  readonly outcome?: object | string
  /** nextPollTime of the outcome, from now. */
  readonly pollInMs?: number
  /** Never ends by itself. */
  readonly hang?: boolean
  /** Does not end on SIGTERM. */
  readonly stubborn?: boolean
  readonly signal?: NodeJS.Signals
  readonly exit?: number
}

const folder = process.env['FAKE_FOLDER'] ?? ''
const input = decodeRunnerEnvironment(process.env)
const id = `${input.mode}-${input.index}`
const script = JSON.parse(process.env['FAKE_SCRIPT'] ?? '{}') as Record<string, FakeTry[]>

process.on('disconnect', () => process.exit(143))
const tries = script[`${input.mode}:${input.index}`] ?? script[input.mode] ?? [{}]
const round = countTries()
const now = tries[Math.min(round, tries.length - 1)] ?? {}
if (now.stubborn === true) process.on('SIGTERM', () => log('sigterm'))
log('start')

await sleep(now.sleepMs ?? 0)
const held: Uint8Array[] = []
for (let i = 0; i < (now.allocateMib ?? 0); i++) {
  held.push(new Uint8Array(2 ** 20).fill(i + 1))
  if (i % 16 === 0) await sleep(1)
}
if (now.progress !== undefined) process.send?.(now.progress)
if (now.stderr !== undefined) process.stderr.write(now.stderr)
if (now.outcome !== undefined) {
  const shard = input.mode === 'advance' ? { shard: shardOf(input) } : {}
  const poll = now.pollInMs === undefined ? {} : { nextPollTime: new Date(Date.now() + now.pollInMs).toISOString() }
  const text = typeof now.outcome === 'string' ? now.outcome : JSON.stringify({ schemaVersion: 1, mode: input.mode, ...shard, ...poll, ...now.outcome })
  writeFileSync(process.env['LLMBATCH_OUTCOME_PATH'] ?? '', text)
}
if (now.hang === true) await new Promise((resolve) => setTimeout(resolve, 60_000))
log('end')
if (now.signal !== undefined) process.kill(process.pid, now.signal)
process.exit(held.length < 0 ? 1 : (now.exit ?? 0))

function log(what: string): void {
  appendFileSync(join(folder, 'log'), `${what} ${id} ${process.pid}\n`)
}

function countTries(): number {
  const path = join(folder, `tries-${id}`)
  appendFileSync(path, 'x')
  return readFileSync(path).length - 1
}
