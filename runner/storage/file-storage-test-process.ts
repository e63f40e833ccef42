/**
 * A process of the FileStorage tests, which kill it. Usage: node file-storage-test-process.ts ROLE URI.
 * - increment N: adds 1 to the number in the object N times by compare-and-set, then prints how many tries lost.
 * - hold: takes the object's lock, prints "held", keeps it.
 * - rewrite: replaces the object again and again by `sealed` contents, printing a line after each.
 * - upload: the same by multipart uploads without a condition.
 */
import { withFileLock } from './file-lock.ts'
import { filePath, lockPath } from './file-names.ts'
import { FileStorage } from './file-storage.ts'
import { sealed } from './sealed-content.ts'
import { isStorageError } from './storage.ts'

const [role, uri, count] = process.argv.slice(2)
if (role === undefined || uri === undefined) throw new Error('usage: ROLE URI')
const storage = new FileStorage()
const say = (line: string) => process.stdout.write(`${line}\n`)

switch (role) {
  case 'increment':
    say(String(await increment(uri, Number(count))))
    break
  case 'hold':
    await withFileLock(lockPath(filePath(uri)), uri, async () => {
      say('held')
      await new Promise((resolve) => setTimeout(resolve, 600_000))
    })
    break
  case 'rewrite':
    for (let round = 1; ; round++) {
      const current = await storage.get(uri)
      await storage.put(uri, sealed(round), current === null ? { ifNoneMatch: '*' } : { ifMatch: current.etag })
      say(String(round))
    }
  case 'upload':
    for (let round = 1; ; round++) {
      const id = await storage.beginUpload(uri)
      const part = await storage.uploadPart(uri, id, 1, sealed(round))
      await storage.completeUpload(uri, id, [part], { unconditional: true })
      say(String(round))
    }
  default:
    throw new Error(`unknown role ${role}`)
}

async function increment(uri: string, times: number): Promise<number> {
  let lost = 0
  for (let done = 0; done < times; ) {
    const current = await storage.get(uri)
    if (current === null) throw new Error('the object is gone')
    try {
      await storage.put(uri, Buffer.from(String(Number(Buffer.from(current.bytes).toString()) + 1)), { ifMatch: current.etag })
      done += 1
    } catch (error) {
      if (!isStorageError(error, 'PreconditionFailed')) throw error
      lost += 1
    }
  }
  return lost
}
