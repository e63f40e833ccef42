import { randomBytes } from 'node:crypto'
import { mkdir, open, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { LlmbatchError, messageOf } from '../../crds/errors.ts'
import type { Scratch, ScratchFile } from './scratch.ts'
import { checkScratchRange, SCRATCH_WINDOW, scratchWindows } from './scratch-range.ts'

/**
 * Scratch files in a folder, which is made when missing. A file loses its name as soon as it is open, so the system frees
 * its space when the process ends, however it ends. Errors of the disk are StorageUnavailable.
 */
export class FileScratch implements Scratch {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async create(): Promise<ScratchFile> {
    const path = join(this.#folder, `scratch-${randomBytes(12).toString('hex')}`)
    return await guarded(this.#folder, async () => {
      await mkdir(this.#folder, { recursive: true })
      const handle = await open(path, 'wx+', 0o600)
      await unlink(path)
      return new NamelessFile(this.#folder, handle)
    })
  }
}

class NamelessFile implements ScratchFile {
  readonly #folder: string
  readonly #handle: FileHandle
  /** Bytes not yet written; allocated by the first append. */
  #buffer: Buffer | null = null
  #buffered = 0
  /** Bytes on the disk. */
  #written = 0
  #size = 0
  #removed = false
  /** The call under way: calls take effect in the order they were made. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(folder: string, handle: FileHandle) {
    this.#folder = folder
    this.#handle = handle
  }

  get size(): number {
    return this.#size
  }

  append(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.length
    return this.#inOrder(async () => {
      if (this.#buffered + bytes.length > SCRATCH_WINDOW) await this.#flush()
      if (bytes.length > SCRATCH_WINDOW) {
        await this.#write(bytes)
        return
      }
      this.#buffer ??= Buffer.allocUnsafeSlow(SCRATCH_WINDOW)
      this.#buffer.set(bytes, this.#buffered)
      this.#buffered += bytes.length
    })
  }

  read(from: number, to: number): Promise<Uint8Array> {
    checkScratchRange(from, to, this.#size)
    return this.#inOrder(async () => {
      if (to > this.#written) await this.#flush()
      const bytes = Buffer.allocUnsafeSlow(to - from)
      for (let filled = 0; filled < bytes.length; ) {
        const { bytesRead } = await this.#handle.read(bytes, filled, bytes.length - filled, from + filled)
        if (bytesRead === 0) throw new LlmbatchError('StorageUnavailable', `a scratch file in ${this.#folder} ends at byte ${from + filled}, before byte ${to}`)
        filled += bytesRead
      }
      return bytes
    })
  }

  async *stream(from: number, to: number): AsyncIterable<Uint8Array> {
    checkScratchRange(from, to, this.#size)
    for (const window of scratchWindows(from, to)) yield await this.read(window.from, window.to)
  }

  async remove(): Promise<void> {
    if (this.#removed) return
    await this.#inOrder(async () => {
      this.#removed = true
      this.#buffer = null
      this.#size = 0
      await this.#handle.close()
    })
  }

  async #flush(): Promise<void> {
    if (this.#buffer === null || this.#buffered === 0) return
    await this.#write(this.#buffer.subarray(0, this.#buffered))
    this.#buffered = 0
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, this.#written)
      at += bytesWritten
      this.#written += bytesWritten
    }
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (this.#removed) throw new TypeError('the scratch file was removed')
      return guarded(this.#folder, work)
    })
    // The caller sees the failure; the next call does not depend on it.
    this.#last = result.catch(() => undefined)
    return result
  }
}

async function guarded<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw new LlmbatchError('StorageUnavailable', `scratch folder ${folder}: ${messageOf(error)}`, { cause: error })
    throw error
  }
}
