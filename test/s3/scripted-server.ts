/** Test harness: a server on the loopback interface that answers as a test says, and remembers what it was asked. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { S3Storage } from '../../runner/storage/s3-storage.ts'

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface ScriptedServer {
  readonly endpoint: string
  /** Requests so far, in the order in which they had come as a whole. */
  readonly requests: readonly SeenRequest[]
  /** Storage over this server; nothing checks its credentials. */
  readonly storage: S3Storage
  /** Connections that are open. */
  connections(): Promise<number>
  close(): Promise<void>
}

/** Starts a server that answers each request by `answer`, once its body is there. */
export async function startScriptedServer(answer: (request: SeenRequest, response: ServerResponse) => void, tls?: { readonly cert: string; readonly key: string }): Promise<ScriptedServer> {
  const requests: SeenRequest[] = []
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece)).on('end', () => {
      const seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: Buffer.concat(pieces) }
      requests.push(seen)
      answer(seen, response)
    })
  }
  const server: Server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    endpoint,
    requests,
    storage: new S3Storage({ endpoint, credentials: { accessKeyId: 'key', secretAccessKey: 'secret' }, ...(tls === undefined ? {} : { caBundle: tls.cert }) }),
    connections: () => new Promise((resolve, reject) => server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The body of an S3 error. */
export function errorBody(code: string, fields: Readonly<Record<string, string>> = {}): string {
  const more = Object.entries(fields).map(([name, value]) => `<${name}>${value}</${name}>`)
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>words of the store</Message>${more.join('')}</Error>`
}
