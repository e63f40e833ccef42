/** An HTTP proxy on a port of the loopback interface, in front of an S3 server: what it does with a request is its handler's business. */
import { once } from 'node:events'
import { createServer, request as sendHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { s3Operation, type S3Operation } from './s3-operation.ts'
import type { SignableRequest } from './resign.ts'

/** One request of a client, and the means to answer it. */
export interface Exchange {
  readonly operation: S3Operation
  /** Without the headers that concern the connection only. */
  readonly request: SignableRequest
  readonly body: Readable
  readonly response: ServerResponse
}

export interface S3Proxy {
  /** E.g. http://127.0.0.1:41234. */
  readonly endpoint: string
  /** Requests that arrived, by operation. */
  readonly requests: ReadonlyMap<S3Operation, number>
  /** Throws what a handler threw, unless it was that a connection broke. */
  close(): Promise<void>
}

/** Headers of one connection (RFC 9110, section 7.6.1), and `expect`, which the proxy has answered itself. SigV4 signs none of them. */
const HOP_HEADERS = ['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect']

const BROKEN_CONNECTION = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']

/** Starts a proxy. A client whose handler throws is cut off, as when the server dies. */
export async function startS3Proxy(handle: (exchange: Exchange) => Promise<void>): Promise<S3Proxy> {
  const requests = new Map<S3Operation, number>()
  const mistakes: unknown[] = []
  const server = createServer((incoming, response) => {
    const request = requestOf(incoming)
    const operation = s3Operation(request.method, request.target, request.headers)
    requests.set(operation, (requests.get(operation) ?? 0) + 1)
    handle({ operation, request, body: incoming, response }).catch((error: unknown) => {
      if (!isBrokenConnection(error)) mistakes.push(error)
      cutOff(response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      if (mistakes.length > 0) throw mistakes[0]
    },
  }
}

/** Sends a request to the server behind, on a connection of its own: an old one might be closed just then, which nobody asked for. */
export async function forward(upstream: string, request: SignableRequest, body: Readable | Uint8Array): Promise<IncomingMessage> {
  const url = new URL(upstream)
  const outgoing = sendHttp({ host: url.hostname, port: url.port, method: request.method, path: request.target, headers: request.headers, agent: false })
  return await new Promise((resolve, reject) => {
    // What breaks after the answer began reaches the reader of the answer.
    outgoing.on('response', resolve).on('error', reject)
    if (body instanceof Uint8Array) outgoing.end(body)
    else pipeline(body, outgoing).catch(reject)
  })
}

/** Passes the server's answer on to the client. */
export async function relay(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(answer.statusCode ?? 502, endToEndHeaders(answer.headers))
  await pipeline(answer, response)
}

/** Answers with an error as S3 words it, once the request's body has arrived. */
export async function refuse({ body, response, request }: Exchange, status: number, code: string, message: string): Promise<void> {
  await finished(body.resume())
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>fault-proxy</RequestId></Error>`
  response.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(xml) })
  response.end(request.method === 'HEAD' ? undefined : xml)
}

/** Whether an error says that a connection was refused or broke. */
export function isBrokenConnection(error: unknown): boolean {
  return error instanceof Error && 'code' in error && BROKEN_CONNECTION.includes(String(error.code))
}

/** Breaks the client's connection, so that it sees a reset. */
export function cutOff(response: ServerResponse): void {
  response.socket?.resetAndDestroy()
}

/** The whole body of a request or an answer; throws a RangeError when it is longer than `limit` bytes. */
export async function bodyOf(stream: Readable, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of stream as AsyncIterable<Buffer>) {
    pieces.push(piece)
    size += piece.length
    if (size > limit) throw new RangeError(`a body of over ${limit} bytes cannot be held`)
  }
  return Buffer.concat(pieces)
}

function requestOf(incoming: IncomingMessage): SignableRequest {
  return { method: incoming.method ?? 'GET', target: incoming.url ?? '/', headers: endToEndHeaders(incoming.headers) }
}

/** Headers without those that concern one connection only. */
export function endToEndHeaders(headers: IncomingMessage['headers']): Record<string, string> {
  const kept = Object.entries(headers).filter(([name, value]) => value !== undefined && !HOP_HEADERS.includes(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]))
}
