import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { storageOf } from './s3-place.ts'
import { startS3Server } from './versitygw.ts'

it('keeps its data through a crash, on the same port', async () => {
  const server = await startS3Server({ accessLog: true })
  try {
    const storage = storageOf(server)
    const uri = `s3://${server.bucket}/a/b`
    const etag = await storage.put(uri, Buffer.from('kept'), { ifNoneMatch: '*' })
    await server.kill()
    await expect(storage.get(uri)).rejects.toMatchObject({ name: 'StorageError' })
    await server.restart()
    expect(await storage.get(uri)).toEqual({ etag, bytes: Buffer.from('kept') })
    expect(await readFile(server.accessLog ?? '', 'utf8')).toContain('/catalog/a/b')
  } finally {
    await server.close()
  }
})

it('ends when the test process is killed, and leaves no data', async () => {
  const script = `const { startS3Server } = await import(${JSON.stringify(new URL('./versitygw.ts', import.meta.url).href)})
    const { endpoint, accessLog } = await startS3Server({ accessLog: true })
    console.log(JSON.stringify({ endpoint, accessLog }))`
  const test = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(test.stdout, 'data')) as [Buffer]
  const { endpoint, accessLog } = JSON.parse(line.toString()) as { endpoint: string; accessLog: string }
  expect((await fetch(`${endpoint}/health`)).status).toBe(200)
  test.kill('SIGKILL')
  await gone(() => fetch(`${endpoint}/health`))
  await gone(() => access(dirname(accessLog)))
})

/** Waits until a call fails. */
async function gone(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await call()
    } catch {
      return
    }
    await sleep(20)
  }
}
