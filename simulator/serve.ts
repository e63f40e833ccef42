import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Behaviour, parseBehaviour } from './behaviour.ts'
import { readIfExists, replaceFile } from './durable-file.ts'
import { FolderStore } from './folder-store.ts'
import { listen } from './http-server.ts'
import { ownIdentity, parseIdentity, type ProcessIdentity } from './process-identity.ts'
import { ProviderSimulator } from './provider-simulator.ts'

/** Calls that are still under way so long after the stop are cut. */
const STOP_MS = 5000
/** So long a new simulator waits for a stopping one to leave the folder. */
const FOLDER_WAIT_MS = STOP_MS + 3000
const FOLDER_POLL_MS = 50

export interface ServeOptions {
  /** Folder that keeps files, batches and the bill; made if need be. */
  readonly stateFolder: string
  /** 0: any free port. */
  readonly port: number
  readonly behaviour: Behaviour
  /** The server stops when no request came for so long; 0: never. */
  readonly idleExitSeconds: number
  readonly onError: (error: unknown) => void
}

export interface RunningSimulator {
  readonly url: string
  /** Stops it. Idempotent. */
  stop(): Promise<void>
  /** Resolves when it has stopped, by stop() or because it was idle. */
  readonly stopped: Promise<void>
}

/** Where a state folder's simulator can be reached. */
export interface SimulatorAddress {
  readonly url: string
  readonly process: ProcessIdentity
}

function addressFile(stateFolder: string): string {
  return join(stateFolder, 'address.json')
}

/** The address that a simulator left in its state folder; it may be dead. Null when there is none. */
export async function readAddress(stateFolder: string): Promise<SimulatorAddress | null> {
  const text = await readIfExists(addressFile(stateFolder))
  if (text === null) return null
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('url' in value) || typeof value.url !== 'string' || !('process' in value)) return null
  const identity = parseIdentity(value.process)
  return identity === null ? null : { url: value.url, process: identity }
}

/** Removes the address unless another process has put its own there. */
async function removeAddress(stateFolder: string, own: ProcessIdentity): Promise<void> {
  const address = await readAddress(stateFolder)
  if (address?.process.pid === own.pid && address.process.startTime === own.startTime) await rm(addressFile(stateFolder), { force: true })
}

/** Reads a behaviour from a file, or from JSON itself when the text begins with `{`. Throws an Error that says what is wrong. */
export async function readBehaviour(fileOrJson: string): Promise<Behaviour> {
  const isJson = fileOrJson.trimStart().startsWith('{')
  const text = isJson ? fileOrJson : await readFile(fileOrJson, 'utf8')
  try {
    return parseBehaviour(JSON.parse(text))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new Error(`${isJson ? 'the behaviour' : fileOrJson} is not JSON: ${error.message}`, { cause: error })
  }
}

/** Opens the state folder, waiting for a simulator that is just leaving it. */
async function openStore(stateFolder: string): Promise<FolderStore> {
  const deadline = performance.now() + FOLDER_WAIT_MS
  for (;;) {
    const store = await FolderStore.open(stateFolder)
    if (store instanceof FolderStore) return store
    if (performance.now() > deadline) throw new Error(`process ${store.holder.pid} already simulates on ${stateFolder}`)
    await sleep(FOLDER_POLL_MS)
  }
}

/** Starts a simulator over HTTP on 127.0.0.1, with its state in a folder, and leaves its address there. */
export async function serveSimulator(options: ServeOptions): Promise<RunningSimulator> {
  const own = ownIdentity()
  const store = await openStore(options.stateFolder)
  const simulator = new ProviderSimulator({ clock: { now: () => Date.now() }, store, behaviour: options.behaviour })
  const ended = Promise.withResolvers<void>()
  let idleTimer: NodeJS.Timeout | undefined
  let stopping: Promise<void> | null = null
  const onActivity = (underWay: number): void => {
    clearTimeout(idleTimer)
    if (underWay > 0 || options.idleExitSeconds === 0 || stopping !== null) return
    idleTimer = setTimeout(() => {
      stop().catch(options.onError)
    }, options.idleExitSeconds * 1000)
  }
  const server = await listen(simulator, { port: options.port, onActivity, onError: options.onError }).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  const shutDown = async (): Promise<void> => {
    clearTimeout(idleTimer)
    // First of all, so that nobody finds a simulator that is about to go.
    await removeAddress(options.stateFolder, own)
    await server.close(STOP_MS)
    await store.close()
  }
  const stop = (): Promise<void> => {
    stopping ??= shutDown().then(ended.resolve, (error: unknown) => {
      ended.reject(error)
      throw error
    })
    return stopping
  }
  await replaceFile(addressFile(options.stateFolder), `${JSON.stringify({ url: server.url, process: own })}\n`)
  onActivity(0)
  return { url: server.url, stop, stopped: ended.promise }
}
