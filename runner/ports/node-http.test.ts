import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { makeNodeHttp } from './node-http.ts'
import type { ProviderHttpResponse } from './provider-http.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

/** Starts a server and returns its URL. */
async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handle)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/files`
}

async function textOf(response: ProviderHttpResponse): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of response.body) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

async function* stream(...pieces: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(Buffer.from(piece))
}

const nodeHttp = makeNodeHttp({})

describe('HTTP over the network', () => {
  it('returns status, headers and body of any answer', async () => {
    const url = await serve((request, response) => {
      response.writeHead(Number(new URL(request.url ?? '', 'http://x').searchParams.get('status')), { 'X-Request-Id': 'r1', 'Content-Type': 'text/plain' }).end(`${request.method}`)
    })
    for (const status of [200, 404, 421, 429, 500]) {
      const response = await nodeHttp({ method: 'DELETE', url: `${url}?status=${status}`, headers: {}, timeoutMs: 5_000 })
      expect(response.status).toBe(status)
      expect(response.headers).toMatchObject({ 'x-request-id': 'r1', 'content-type': 'text/plain' })
      expect(await textOf(response)).toBe('DELETE')
    }
  })

  it('sends each request once, whatever the answer', async () => {
    let requests = 0
    const url = await serve((request, response) => {
      requests += 1
      request.resume().on('end', () => response.writeHead(Number(request.headers['x-status']), { location: '/elsewhere', 'retry-after': '0' }).end())
    })
    for (const status of ['301', '307', '401', '408', '421', '429', '503']) {
      for (const body of ['{}', stream('{', '}')]) {
        requests = 0
        const response = await nodeHttp({ method: 'POST', url, headers: { 'X-Status': status }, body, timeoutMs: 5_000 })
        await textOf(response)
        expect({ status: response.status, requests }).toEqual({ status: Number(status), requests: 1 })
      }
    }
  })

  it('never sends again when the server takes the request and drops the connection, nor on a connection used before', async () => {
    let requests = 0
    const url = await serve((request, response) => {
      requests += 1
      if (request.headers['x-drop'] === 'yes') request.socket.destroy()
      else response.end('ok')
    })
    for (const method of ['GET', 'POST', 'DELETE'] as const) {
      requests = 0
      expect(await textOf(await nodeHttp({ method, url, headers: {}, timeoutMs: 5_000 }))).toBe('ok')
      await expect(nodeHttp({ method, url, headers: { 'x-drop': 'yes' }, timeoutMs: 5_000 })).rejects.toMatchObject({ name: 'ProviderConnectionError', message: expect.stringContaining(`${method} ${url}: `) })
      expect(requests).toBe(2)
    }
  })

  it('sends a string with its length in bytes, and a stream with the given length or chunked', async () => {
    const url = await serve((request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece)).on('end', () => {
        response.end(JSON.stringify([request.headers['content-length'] ?? null, request.headers['transfer-encoding'] ?? null, Buffer.concat(pieces).toString()]))
      })
    })
    const send = async (body: string | AsyncIterable<Uint8Array>, headers: Record<string, string> = {}) =>
      JSON.parse(await textOf(await nodeHttp({ method: 'POST', url, headers, body, timeoutMs: 5_000 }))) as unknown
    expect(await send('größe')).toEqual(['7', null, 'größe'])
    expect(await send(stream('ab', 'cde'), { 'Content-Length': '5' })).toEqual(['5', null, 'abcde'])
    expect(await send(stream('ab', 'cde'))).toEqual([null, 'chunked', 'abcde'])
    expect(await send(stream())).toEqual(['0', null, ''])
  })

  it('never completes a body that is not as long as its content-length', async () => {
    let completed = 0
    const url = await serve((request, response) => {
      request.resume().on('end', () => {
        completed += 1
        response.end()
      })
    })
    const send = (length: string) => nodeHttp({ method: 'POST', url, headers: { 'content-length': length }, body: stream('abc', 'def'), timeoutMs: 5_000 })
    await expect(send('7')).rejects.toThrow('the body has 6 bytes, not its content-length of 7')
    await expect(send('5')).rejects.toThrow('longer than its content-length of 5')
    expect(completed).toBe(0)
  })

  it('pulls an upload only as fast as the server takes it', async () => {
    const taken = Promise.withResolvers<IncomingMessage>()
    const url = await serve((request, response) => {
      request.pause()
      taken.resolve(request)
      request.on('end', () => response.end('done'))
    })
    const total = 512
    let pulled = 0
    const body = async function* () {
      for (; pulled < total; pulled++) yield await Promise.resolve(Buffer.alloc(256 * 1024))
    }
    const sending = nodeHttp({ method: 'POST', url, headers: {}, body: body(), timeoutMs: 20_000 })
    const request = await taken.promise
    await settled(() => pulled)
    // What is under way fills the sockets' buffers, a few MB; the upload is 128 MB.
    expect(pulled).toBeLessThan(total / 2)
    request.resume()
    expect(await textOf(await sending)).toBe('done')
    expect(pulled).toBe(total)
  })

  it('fails with the source\'s error when the upload\'s source fails, and the server sees no whole body', async () => {
    const gone = new Error('the file is gone')
    let completed = 0
    const url = await serve((request) => request.resume().on('end', () => (completed += 1)).on('error', () => undefined))
    const body = async function* () {
      yield await Promise.resolve(Buffer.from('abc'))
      throw gone
    }
    await expect(nodeHttp({ method: 'POST', url, headers: {}, body: body(), timeoutMs: 5_000 })).rejects.toBe(gone)
    expect(completed).toBe(0)
  })

  it('returns an answer that comes before the end of the upload', async () => {
    const url = await serve((_, response) => response.writeHead(413, { connection: 'close' }).end('too large'))
    let closed = false
    const body = async function* () {
      try {
        for (;;) yield await new Promise<Uint8Array>((resolve) => setImmediate(resolve, Buffer.alloc(1024)))
      } finally {
        closed = true
      }
    }
    const response = await nodeHttp({ method: 'POST', url, headers: {}, body: body(), timeoutMs: 5_000 })
    expect(response.status).toBe(413)
    expect(await textOf(response)).toBe('too large')
    await expect.poll(() => closed).toBe(true)
  })

  it('throws when the connection breaks in the middle of a body', async () => {
    for (const headers of [{}, { 'content-length': '100' }]) {
      const url = await serve((_, response) => {
        response.writeHead(200, headers).write('part', () => setTimeout(() => response.socket?.destroy(), 20))
      })
      const response = await nodeHttp({ method: 'GET', url, headers: {}, timeoutMs: 5_000 })
      await expect(textOf(response)).rejects.toMatchObject({ name: 'ProviderConnectionError', message: expect.stringContaining(`GET ${url}: `) })
    }
  })

  it('throws when a body stalls, and when headers never come', async () => {
    const url = await serve((request, response) => {
      if (request.headers['x-stall'] === 'body') response.writeHead(200).write('part')
    })
    const response = await nodeHttp({ method: 'GET', url, headers: { 'x-stall': 'body' }, timeoutMs: 500 })
    await expect(textOf(response)).rejects.toThrow('nothing moved for 500 ms')
    await expect(nodeHttp({ method: 'GET', url, headers: {}, timeoutMs: 500 })).rejects.toThrow('nothing moved for 500 ms')
    await expect(nodeHttp({ method: 'POST', url, headers: {}, body: stream('x'), timeoutMs: 500 })).rejects.toThrow('nothing moved for 500 ms')
  })

  it('does not count the time that the reader or the upload\'s source takes', async () => {
    const url = await serve((request, response) => {
      request.resume().on('end', () => {
        response.write('one')
        setTimeout(() => response.end('two'), 20)
      })
    })
    const pause = () => new Promise((resolve) => setTimeout(resolve, 1_300))
    const body = async function* () {
      yield Buffer.from('a')
      await pause()
      yield Buffer.from('b')
    }
    const response = await nodeHttp({ method: 'POST', url, headers: {}, body: body(), timeoutMs: 1_000 })
    let text = ''
    for await (const piece of response.body) {
      text += Buffer.from(piece).toString()
      await pause()
    }
    expect(text).toBe('onetwo')
  })

  it('names the request and the cause when nobody listens; keeps the key in the query to itself', async () => {
    const free = createTcpServer()
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve))
    const { port } = free.address() as AddressInfo
    await new Promise((resolve) => free.close(resolve))
    const failure = nodeHttp({ method: 'GET', url: `http://127.0.0.1:${port}/v1/batches?key=secret`, headers: {}, timeoutMs: 5_000 })
    await expect(failure).rejects.toThrow(`GET http://127.0.0.1:${port}/v1/batches: connect ECONNREFUSED`)
    await expect(failure).rejects.not.toThrow('secret')
  })

  it('passes a compressed body on as it is, and asks for none', async () => {
    const url = await serve((request, response) => response.end(request.headers['accept-encoding']))
    expect(await textOf(await nodeHttp({ method: 'GET', url, headers: {}, timeoutMs: 5_000 }))).toBe('identity')
  })

  it('goes by the proxy of the environment when Node is told to', async () => {
    const proxy = new URL(await serve((request, response) => response.end(`${request.method} ${request.url} by proxy`)))
    const env = { HTTP_PROXY: proxy.origin, NO_PROXY: '127.0.0.2' }
    for (const method of ['GET', 'POST'] as const) {
      const request = { method, url: 'http://provider.invalid/v1/files', headers: {}, timeoutMs: 5_000 }
      expect(await textOf(await makeNodeHttp({ ...env, NODE_USE_ENV_PROXY: '1' })(request))).toBe(`${method} http://provider.invalid/v1/files by proxy`)
      await expect(makeNodeHttp(env)(request)).rejects.toMatchObject({ name: 'ProviderConnectionError' })
    }
  })

  it('refuses other schemes', async () => {
    await expect(nodeHttp({ method: 'GET', url: 'file:///etc/passwd', headers: {}, timeoutMs: 5_000 })).rejects.toThrow('not an http or https URL')
  })
})

/** Resolves once a count has stopped growing. */
async function settled(count: () => number): Promise<void> {
  for (let last = -1; last !== count(); ) {
    last = count()
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
