/** Test harness: a real S3 server (versitygw over a temporary folder) on a free port of the loopback interface. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { get as getHttp } from 'node:http'
import { get as getHttps } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const BINARY = fileURLToPath(new URL('../../build/tools/versitygw', import.meta.url))
const REGION = 'us-east-1'
const BUCKET = 'catalog'
const ACCESS_KEY_ID = 'test-access-key'
const SECRET_ACCESS_KEY = 'test-secret-key'
const HEALTH_PATH = '/health'
/** How long a server may take to answer, milliseconds. */
const START_TIMEOUT = 20_000
/** Another process may take the port between our choosing it and the server's binding it. */
const PORT_TRIES = 5

export interface S3ServerOptions {
  /** Serve https with this certificate; both are PEM files. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  /** Keep a log of requests in S3's format: `S3Server.accessLog`. */
  readonly accessLog?: boolean
}

export interface S3Server {
  /** E.g. http://127.0.0.1:41234; buckets are paths of it. */
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** An empty bucket. */
  readonly bucket: string
  /** The file that the option `accessLog` asked for. */
  readonly accessLog?: string
  /** Ends the server by SIGKILL, as a crash would. Resolves when it is gone; its data stays. */
  kill(): Promise<void>
  /** Starts a killed server again on the same port and data. */
  restart(): Promise<void>
  /** Ends the server and removes its data. Idempotent. */
  close(): Promise<void>
}

/** Starts a server and waits until it answers. Throws with the server's words when it does not. */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  await access(BINARY).catch((error: unknown) => {
    throw new Error(`${BINARY} is missing: \`make test-s3\` builds it`, { cause: error })
  })
  const folder = await mkdtemp(join(tmpdir(), 'llmbatch-s3-'))
  await mkdir(join(folder, 'data', BUCKET), { recursive: true })
  await mkdir(join(folder, 'metadata'))
  const { port, running } = await onFreePort(folder, options)
  let current: Running | null = running
  const kill = async (): Promise<void> => {
    await current?.kill()
    current = null
  }
  return {
    endpoint: endpointOf(port, options),
    region: REGION,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    bucket: BUCKET,
    ...(options.accessLog === true ? { accessLog: accessLogOf(folder) } : {}),
    kill,
    async restart() {
      if (current !== null) throw new Error('the server is running')
      current = await run(folder, port, options)
    },
    async close() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Running {
  kill(): Promise<void>
}

async function onFreePort(folder: string, options: S3ServerOptions): Promise<{ port: number; running: Running }> {
  for (let tries = 1; ; tries++) {
    const port = await freePort()
    try {
      return { port, running: await run(folder, port, options) }
    } catch (error) {
      if (error instanceof Error && error.message.includes('address already in use') && tries < PORT_TRIES) continue
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }
}

async function run(folder: string, port: number, options: S3ServerOptions): Promise<Running> {
  try {
    return await runWith(folder, port, options, [])
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('xattrs are not supported')) throw error
    // Some file systems keep no extended attributes: then the server keeps what it would write there in a folder beside the data.
    return await runWith(folder, port, options, ['--sidecar', join(folder, 'metadata')])
  }
}

async function runWith(folder: string, port: number, options: S3ServerOptions, posixArguments: readonly string[]): Promise<Running> {
  const args = [
    '--port', `127.0.0.1:${port}`, '--region', REGION, '--health', HEALTH_PATH, '--keep-alive', '--quiet',
    ...(options.tls === undefined ? [] : ['--cert', options.tls.certFile, '--key', options.tls.keyFile]),
    ...(options.accessLog === true ? ['--access-log', accessLogOf(folder)] : []),
    'posix', ...posixArguments, join(folder, 'data'),
  ]
  const server = spawn(BINARY, args, { env: { ROOT_ACCESS_KEY: ACCESS_KEY_ID, ROOT_SECRET_KEY: SECRET_ACCESS_KEY }, stdio: ['ignore', 'pipe', 'pipe'] })
  let words = ''
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (piece: Buffer) => (words = (words + piece.toString()).slice(-4_096)))
  const ended = once(server, 'close')
  await once(server, 'spawn')
  const guard = guardOf(server, folder)
  const kill = async (): Promise<void> => {
    guard.kill('SIGKILL')
    server.kill('SIGKILL')
    await ended
  }
  try {
    await answering(server, new URL(HEALTH_PATH, endpointOf(port, options)))
  } catch (error) {
    await kill()
    throw new Error(`versitygw did not start: ${words.trim()}`, { cause: error })
  }
  return { kill }
}

/**
 * A shell that outlives a test process that is killed: its standard input then ends, whereupon it ends the server and removes the data.
 * A process group of its own keeps a Ctrl-C from it.
 */
function guardOf(server: ChildProcess, folder: string): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$1"; rm -rf "$2"', 'guard', String(server.pid), folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  guard.unref()
  return guard
}

async function answering(server: ChildProcess, health: URL): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT
  for (;;) {
    if (server.exitCode !== null || server.signalCode !== null) throw new Error('the server ended')
    const fault = await faultOf(health)
    // Somebody else's server may answer on that port just before ours fails to bind it.
    if (fault === null && server.exitCode === null && server.signalCode === null) return
    if (performance.now() > deadline) throw new Error(`no healthy answer within ${START_TIMEOUT} ms: ${fault}`)
    await sleep(20)
  }
}

/** Why the server is not healthy; null when it is. */
function faultOf(health: URL): Promise<string | null> {
  return new Promise((resolve) => {
    // The certificate is the test's own.
    const request = health.protocol === 'https:' ? getHttps(health, { agent: false, rejectUnauthorized: false }) : getHttp(health, { agent: false })
    request.setTimeout(1_000, () => request.destroy(new Error('no answer within a second')))
    request.on('error', (error) => resolve(error.message))
    request.on('response', (response) => {
      response.resume()
      resolve(response.statusCode === 200 ? null : `status ${response.statusCode}`)
    })
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function endpointOf(port: number, options: S3ServerOptions): string {
  return `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
}

function accessLogOf(folder: string): string {
  return join(folder, 'access.log')
}
