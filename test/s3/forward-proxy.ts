/** Test harness: an HTTP proxy on the loopback interface, for http by absolute URL and for https by CONNECT. */
import { once } from 'node:events'
import { createServer, request as sendRequest } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

export interface ForwardProxy {
  readonly url: string
  /** `METHOD URL` of each request, `CONNECT host:port` of each tunnel. */
  readonly seen: readonly string[]
  readonly close: () => Promise<void>
}

export async function startForwardProxy(): Promise<ForwardProxy> {
  const seen: string[] = []
  const tunnels = new Set<Duplex>()
  const proxy = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    const forward = sendRequest(request.url ?? '', { method: request.method, headers: request.headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    forward.on('error', () => response.destroy())
    request.pipe(forward)
  })
  proxy.on('connect', (request, client) => {
    seen.push(`CONNECT ${request.url}`)
    tunnels.add(client)
    const [host, port] = (request.url ?? '').split(':')
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    for (const [side, other] of [[client, upstream], [upstream, client]] as const) side.on('error', () => other.destroy()).on('close', () => other.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    seen,
    close: async () => {
      proxy.closeAllConnections()
      // A tunnel is no connection of the server's any more.
      for (const tunnel of tunnels) tunnel.destroy()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}
