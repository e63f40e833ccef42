import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ConnectionCut } from './api-error.ts'
import type { SimulatorRequest } from './exchange.ts'
import type { ProviderSimulator } from './provider-simulator.ts'

/** Longer than clients keep connections, so that a reused one is not reset under a request. */
const KEEP_ALIVE_MS = 120_000
/** Of a body that nobody reads, so much is taken off the wire so that the client gets to read the answer. */
const MAX_SKIPPED_BYTES = 16 * 1024 * 1024

export interface ListenOptions {
  /** 0: any free port. */
  readonly port: number
  /** Called when a request comes and when it is over, with the number of requests under way. */
  readonly onActivity?: (underWay: number) => void
  /** Takes errors that are no client's fault. */
  readonly onError: (error: unknown) => void
}

/** A simulator that listens on 127.0.0.1. */
export interface SimulatorServer {
  readonly url: string
  /** Stops listening, drops held calls, lets the others end, and cuts what is left after `withinMs`. */
  close(withinMs: number): Promise<void>
}

function requestOf(incoming: IncomingMessage): SimulatorRequest {
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(incoming.headers)) headers[name] = Array.isArray(value) ? value.join(', ') : value
  return {
    method: incoming.method ?? 'GET',
    path: incoming.url ?? '/',
    headers,
    // The socket must outlive a body that is read in part only: the answer goes over it.
    body: { [Symbol.asyncIterator]: () => incoming.iterator({ destroyOnReturn: false }) },
  }
}

/** Takes the rest of a refused body, up to a bound. */
async function skipRest(incoming: IncomingMessage): Promise<void> {
  let skipped = 0
  for await (const piece of incoming.iterator({ destroyOnReturn: false })) {
    skipped += Buffer.isBuffer(piece) ? piece.length : 0
    if (skipped > MAX_SKIPPED_BYTES) return
  }
}

async function answer(simulator: ProviderSimulator, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const response = await simulator.handle(requestOf(incoming))
  const isRefusedEarly = !incoming.complete
  outgoing.sendDate = false
  outgoing.shouldKeepAlive &&= !isRefusedEarly
  outgoing.writeHead(response.status, response.headers)
  if (typeof response.body !== 'string') return pipeline(Readable.from(response.body, { objectMode: false, highWaterMark: 64 * 1024 }), outgoing)
  if (isRefusedEarly) {
    // The answer goes first, for clients that look for one while they send; the end closes the connection.
    outgoing.write(response.body)
    await skipRest(incoming)
    outgoing.end()
  } else {
    outgoing.end(response.body)
  }
}

/** Whether the client went away, which is no error of ours. */
function isClientGone(incoming: IncomingMessage, error: unknown): boolean {
  return incoming.socket.destroyed || (error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_PREMATURE_CLOSE'))
}

/** Serves the simulator over HTTP on 127.0.0.1. Bodies stream both ways; none is held whole. */
export async function listen(simulator: ProviderSimulator, options: ListenOptions): Promise<SimulatorServer> {
  let underWay = 0
  let isClosing = false
  /** Connections, with the number of requests under way on each. */
  const connections = new Map<Socket, number>()
  const count = (socket: Socket, change: 1 | -1): void => {
    const requests = connections.get(socket)
    if (requests === undefined) return
    connections.set(socket, requests + change)
    if (isClosing && requests + change === 0) socket.end()
  }
  const server: Server = createServer((incoming, outgoing) => {
    const { socket } = incoming
    underWay += 1
    count(socket, 1)
    options.onActivity?.(underWay)
    answer(simulator, incoming, outgoing)
      .catch((error: unknown) => {
        if (error instanceof ConnectionCut) return socket.resetAndDestroy()
        if (isClientGone(incoming, error)) return outgoing.destroy()
        options.onError(error)
        if (outgoing.headersSent) return outgoing.destroy()
        outgoing.writeHead(500, { 'content-type': 'application/json', connection: 'close' })
        return outgoing.end(JSON.stringify({ error: { message: 'The simulator failed; its log says why.', type: 'server_error', param: null, code: null } }))
      })
      .finally(() => {
        underWay -= 1
        count(socket, -1)
        options.onActivity?.(underWay)
      })
  })
  server.on('connection', (socket) => {
    connections.set(socket, 0)
    socket.once('close', () => connections.delete(socket))
  })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  // A held call may sit for as long as its test likes.
  server.requestTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  server.on('error', options.onError)
  server.on('clientError', (_error: Error, socket: Socket) => socket.destroy())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the simulator has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: (withinMs) =>
      new Promise<void>((resolve, reject) => {
        const cut = setTimeout(() => server.closeAllConnections(), withinMs)
        server.close((error) => {
          clearTimeout(cut)
          if (error === undefined) resolve()
          else reject(error)
        })
        isClosing = true
        // Clients also open connections that they then do not use, which Node does not count as idle.
        for (const [socket, requests] of connections) if (requests === 0) socket.destroy()
        simulator.dropHeldCalls()
      }),
  }
}
