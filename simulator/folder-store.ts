import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfExists, replaceFile, syncFolder, temporaryName } from './durable-file.ts'
import { type FolderLock, tryLock } from './folder-lock.ts'
import type { ProcessIdentity } from './process-identity.ts'
import type { StateRecord } from './records.ts'
import type { ContentWriter, SimulatorStore } from './store.ts'

/** Version of the folder's layout. A folder of another version is refused. */
const LAYOUT_VERSION = 1
/** Pieces in which contents are read. */
const READ_BYTES = 64 * 1024

/**
 * State in a folder, durable at every answer and readable after a kill at any moment. Records are a journal, one line a
 * transaction, rewritten when the folder is opened; a torn last line was never acknowledged and is left out. Contents are
 * files that appear whole.
 */
export class FolderStore implements SimulatorStore {
  readonly identity: string
  readonly #contents: string
  readonly #lock: FolderLock
  readonly #journalPath: string
  readonly #journal: FileHandle
  /** Length of the journal's whole transactions. */
  #journalBytes: number

  private constructor(identity: string, contents: string, lock: FolderLock, journalPath: string, journal: FileHandle, journalBytes: number) {
    this.identity = identity
    this.#contents = contents
    this.#lock = lock
    this.#journalPath = journalPath
    this.#journal = journal
    this.#journalBytes = journalBytes
  }

  /** Opens a folder, making it if need be; or returns the process that has it open. */
  static async open(folder: string): Promise<FolderStore | { readonly holder: ProcessIdentity }> {
    const contents = join(folder, 'contents')
    await mkdir(contents, { recursive: true })
    const lock = await tryLock(folder, 'store-lock')
    if ('holder' in lock) return lock
    try {
      const identity = await readIdentity(join(folder, 'identity.json'))
      const path = join(folder, 'journal.jsonl')
      const records = replay((await readIfExists(path)) ?? '')
      const journal = records.map((record) => `${JSON.stringify([record])}\n`).join('')
      await replaceFile(path, journal)
      await removeStrays(contents, records)
      return new FolderStore(identity, contents, lock, path, await open(path, 'a'), Buffer.byteLength(journal))
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  async load(): Promise<StateRecord[]> {
    return replay((await readIfExists(this.#journalPath)) ?? '')
  }

  async put(records: readonly StateRecord[]): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(records)}\n`)
    try {
      await this.#journal.writeFile(line)
      await this.#journal.datasync()
    } catch (error) {
      // On a full disk half a line may be written, which the next one must not join.
      await this.#journal.truncate(this.#journalBytes)
      throw error
    }
    this.#journalBytes += line.byteLength
  }

  async createContent(name: string): Promise<ContentWriter> {
    const path = join(this.#contents, name)
    const temporary = temporaryName(path)
    return new FileContentWriter(await open(temporary, 'wx'), temporary, path)
  }

  async *readContent(name: string): AsyncGenerator<Uint8Array> {
    const handle = await open(join(this.#contents, name), 'r')
    try {
      for (;;) {
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES)
        if (bytesRead === 0) return
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      await handle.close()
    }
  }

  async removeContent(name: string): Promise<void> {
    await rm(join(this.#contents, name), { force: true })
  }

  /** Lets another process use the folder. */
  async close(): Promise<void> {
    await this.#journal.close()
    await this.#lock.release()
  }
}

class FileContentWriter implements ContentWriter {
  bytes = 0
  readonly #handle: FileHandle
  readonly #temporary: string
  readonly #path: string
  #isOpen = true

  constructor(handle: FileHandle, temporary: string, path: string) {
    this.#handle = handle
    this.#temporary = temporary
    this.#path = path
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#handle.writeFile(bytes)
    this.bytes += bytes.byteLength
  }

  async commit(): Promise<void> {
    await this.#handle.sync()
    await this.#handle.close()
    this.#isOpen = false
    await rename(this.#temporary, this.#path)
    await syncFolder(join(this.#path, '..'))
  }

  async abandon(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#handle.close()
    await rm(this.#temporary, { force: true })
  }
}

async function readIdentity(path: string): Promise<string> {
  const text = await readIfExists(path)
  if (text === null) {
    const identity = randomBytes(12).toString('hex')
    await replaceFile(path, `${JSON.stringify({ layoutVersion: LAYOUT_VERSION, identity })}\n`)
    return identity
  }
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('layoutVersion' in value) || !('identity' in value) || typeof value.identity !== 'string') {
    throw new Error(`${path} is not a simulator's`)
  }
  if (value.layoutVersion !== LAYOUT_VERSION) throw new Error(`${path} has layout version ${String(value.layoutVersion)}; this simulator reads ${LAYOUT_VERSION}`)
  return value.identity
}

/** The last version of each record, in order of sequence. */
function replay(journal: string): StateRecord[] {
  const records = new Map<string, StateRecord>()
  const lines = journal.split('\n')
  // What follows the last newline is empty, or a transaction that the crash tore.
  lines.pop()
  for (const line of lines) {
    for (const record of JSON.parse(line) as StateRecord[]) records.set(record.id, record)
  }
  return [...records.values()].sort((a, b) => a.sequence - b.sequence)
}

/** Removes what a crash left: unfinished contents, and files whose record was never written. */
async function removeStrays(contents: string, records: readonly StateRecord[]): Promise<void> {
  const ids = new Set(records.map((record) => record.id))
  for (const name of await readdir(contents)) {
    const isBill = name.startsWith('bill-') && !name.endsWith('.tmp')
    if (!isBill && !ids.has(name)) await rm(join(contents, name), { force: true })
  }
}
