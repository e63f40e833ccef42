/** A proxy in front of an S3 server that lets the network and the store fail, as a script or a seed says. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { bodyOf, cutOff, endToEndHeaders, forward, isBrokenConnection, refuse, relay, startS3Proxy, type Exchange, type S3Proxy } from './s3-proxy.ts'
import type { S3Operation } from './s3-operation.ts'

/**
 * What happens to one request.
 * - Latency: it waits, then all goes well.
 * - InternalError: 500, without effect.
 * - SlowDown: 503, without effect.
 * - NeverArrived: the connection is reset, without effect.
 * - AnswerLost: it takes effect; then the connection is reset.
 * - CutMidBody: the connection ends in the middle of the answer's body.
 * - ArrivesLate: the connection is reset; the request reaches the store later and is then judged by its condition.
 * - OwnSuccessMet: it takes effect and is answered by 412, as when something on the way sends a conditional write twice.
 * - Conflict: 409, without effect, as when S3 sees another conditional write of the object under way.
 */
export type FaultKind = 'Latency' | 'InternalError' | 'SlowDown' | 'NeverArrived' | 'AnswerLost' | 'CutMidBody' | 'ArrivesLate' | 'OwnSuccessMet' | 'Conflict'

export interface Fault {
  readonly kind: FaultKind
  /** Of Latency and ArrivesLate: how long, milliseconds. */
  readonly delayMs: number
}

/** What a plan of faults knows of a request. */
export interface FaultTarget {
  readonly operation: S3Operation
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Whether it is a write that bears If-Match or If-None-Match. */
  readonly conditionalWrite: boolean
}

export type FaultPlan = (target: FaultTarget) => Fault | null

export interface FaultProxy extends S3Proxy {
  /** Faults that happened, by kind. */
  readonly faults: ReadonlyMap<FaultKind, number>
  /** Waits until what is late has reached the store. `close` does so too. */
  settled(): Promise<void>
}

/** Largest body of a request that arrives late, bytes: the project's upload parts have half of it. */
const HELD_LIMIT = 16 * 1024 * 1024

/** Starts a proxy before the server at `upstream`. */
export async function startFaultProxy(upstream: string, plan: FaultPlan): Promise<FaultProxy> {
  const faults = new Map<FaultKind, number>()
  const late = new Set<Promise<void>>()
  const proxy = await startS3Proxy(async (exchange) => {
    const fault = plan(targetOf(exchange))
    if (fault === null) return await pass(upstream, exchange)
    faults.set(fault.kind, (faults.get(fault.kind) ?? 0) + 1)
    await suffer(upstream, exchange, fault, late)
  })
  const settled = async () => void (await Promise.all(late))
  return {
    ...proxy,
    faults,
    settled,
    async close() {
      try {
        await proxy.close()
      } finally {
        await settled()
      }
    },
  }
}

async function suffer(upstream: string, exchange: Exchange, { kind, delayMs }: Fault, late: Set<Promise<void>>): Promise<void> {
  const { request, body, response } = exchange
  switch (kind) {
    case 'Latency':
      await sleep(delayMs)
      return await pass(upstream, exchange)
    case 'InternalError':
      return await refuse(exchange, 500, 'InternalError', 'We encountered an internal error. Please try again.')
    case 'SlowDown':
      return await refuse(exchange, 503, 'SlowDown', 'Please reduce your request rate.')
    case 'Conflict':
      return await refuse(exchange, 409, 'ConditionalRequestConflict', 'A conflicting conditional operation is currently in progress against this resource. Please try again.')
    case 'NeverArrived':
      return cutOff(response)
    case 'AnswerLost':
      await drained(await forward(upstream, request, body))
      return cutOff(response)
    case 'CutMidBody':
      return await relayHalf(await forward(upstream, request, body), response)
    case 'ArrivesLate': {
      const held = await bodyOf(body, HELD_LIMIT)
      const arriving = arriveLate(upstream, exchange, held, delayMs).finally(() => late.delete(arriving))
      late.add(arriving)
      return cutOff(response)
    }
    case 'OwnSuccessMet': {
      const answer = await forward(upstream, request, body)
      if (answer.statusCode !== 200) return await relay(answer, response)
      await drained(answer)
      return await refuse(exchange, 412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
    }
  }
}

async function pass(upstream: string, { request, body, response }: Exchange): Promise<void> {
  await relay(await forward(upstream, request, body), response)
}

async function arriveLate(upstream: string, { request }: Exchange, body: Buffer, delayMs: number): Promise<void> {
  await sleep(delayMs)
  try {
    await drained(await forward(upstream, request, body))
  } catch (error) {
    // A server that is down by then never sees the request.
    if (!isBrokenConnection(error)) throw error
  }
}

async function relayHalf(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(answer, HELD_LIMIT)
  response.writeHead(answer.statusCode ?? 502, { ...endToEndHeaders(answer.headers), 'content-length': body.length })
  await new Promise<void>((resolve) => response.write(body.subarray(0, Math.floor(body.length / 2)), () => resolve()))
  // Not a reset, which could overtake the half that was sent.
  response.socket?.destroy()
}

async function drained(answer: IncomingMessage): Promise<void> {
  for await (const piece of answer) void piece
}

function targetOf({ operation, request: { method, target, headers } }: Exchange): FaultTarget {
  const write = operation === 'PutObject' || operation === 'CompleteMultipartUpload'
  return { operation, method, target, conditionalWrite: write && ('if-match' in headers || 'if-none-match' in headers) }
}

/** A script: the faults of the next requests that `concerns` picks, in the order of their arrival; null lets one pass, as do all after the last. */
export function scriptedFaults(script: readonly (Fault | null)[], concerns: (target: FaultTarget) => boolean): FaultPlan {
  const rest = [...script]
  return (target) => (concerns(target) ? (rest.shift() ?? null) : null)
}

export interface SeededFaultOptions {
  readonly seed: string
  /** Of 1: how many requests meet a fault. */
  readonly rate: number
  /** Longest wait of Latency, milliseconds. */
  readonly latencyMs: number
  /** Longest wait of ArrivesLate, milliseconds. */
  readonly lateMs: number
}

/** Faults at random, all kinds that can befall a request alike. The n-th request of one method and target meets the same fault whenever the seed is the same. */
export function seededFaults({ seed, rate, latencyMs, lateMs }: SeededFaultOptions): FaultPlan {
  const seen = new Map<string, number>()
  return (target) => {
    const name = `${target.method} ${target.target}`
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    const dice = createHash('sha256').update(`${seed} ${count} ${name}`).digest()
    if (dice.readUInt32BE(0) / 2 ** 32 >= rate) return null
    const kinds = kindsThatBefall(target)
    const kind = kinds[dice.readUInt32BE(4) % kinds.length] ?? 'Latency'
    return { kind, delayMs: dice.readUInt32BE(8) % (kind === 'ArrivesLate' ? lateMs : latencyMs) }
  }
}

function kindsThatBefall({ operation, conditionalWrite }: FaultTarget): FaultKind[] {
  const kinds: FaultKind[] = ['Latency', 'InternalError', 'SlowDown', 'NeverArrived', 'AnswerLost']
  if (operation === 'GetObject' || operation === 'ListObjectsV2') kinds.push('CutMidBody')
  if (conditionalWrite) kinds.push('ArrivesLate', 'OwnSuccessMet', 'Conflict')
  return kinds
}
