import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import type { LlmBatchJobStatus } from '../../crds/generated/llmbatchjob.ts'
import { runJob } from './run-job.ts'
import type { FakeTry } from './testdata/fake-runner.ts'
import { JOB, localHarness, type LocalHarness } from './testdata/local-harness.ts'

const clock = { now: () => Date.now(), sleep: (ms: number, signal?: AbortSignal) => sleep(ms, undefined, signal === undefined ? {} : { signal }) }
const SHARDS = 6
const ROWS = { total: 10, succeeded: 10, failed: 0 }
const PLAN: FakeTry = { outcome: { result: 'done', plan: { digest: 'sha256:p', uri: 'file:/plan', files: 1, chunks: SHARDS, shards: SHARDS, rows: SHARDS * 10 } } }
const WAITING: FakeTry = { outcome: { result: 'waiting', chunks: '' }, pollInMs: 200 }
const DONE: FakeTry = { outcome: { result: 'done', chunks: '0', rows: ROWS, tokens: { input: 1, output: 1 }, cost: '0.5' } }
const SCOUT: FakeTry = { outcome: { result: 'done', wake: `0-${SHARDS - 1}` } }
const MERGE: FakeTry = {
  outcome: { result: 'done', rows: { total: SHARDS * 10, succeeded: SHARDS * 10, failed: 0 }, output: { uri: 'file:/out/', files: 1, rows: SHARDS * 10, digest: 'sha256:o' } },
}
const open: LocalHarness[] = []

async function harness(script: Record<string, readonly FakeTry[]>): Promise<LocalHarness> {
  const made = await localHarness(script, { parallelism: 3 }, { retryBaseMs: 1 })
  open.push(made)
  return made
}

function complete(status: LlmBatchJobStatus | null): object | undefined {
  return status?.conditions?.find(({ type }) => type === 'Complete')
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((h) => h.close()))
})

describe('runJob', () => {
  it('drives real processes from plan to merge, and again when the provider may have answered', async () => {
    const h = await harness({ plan: [PLAN], advance: [WAITING, DONE], scout: [SCOUT], merge: [MERGE] })
    const status = await runJob(h.cluster, JOB, clock, AbortSignal.timeout(25_000))
    expect(complete(status)).toMatchObject({ status: 'True', reason: 'Completed' })
    expect(status).toMatchObject({ completedShards: '0-5', rows: { done: 60 }, cost: '3', shards: { completed: 6, failed: 0, waiting: 0 } })
    expect((await h.cluster.observe(JOB))?.waves).toEqual([])
    const starts = (await h.log()).filter((line) => line.startsWith('start')).map((line) => line.split(' ')[1]?.split('-')[0])
    expect([starts[0], starts.at(-1)]).toEqual(['plan', 'merge'])
    expect(starts.filter((mode) => mode === 'advance')).toHaveLength(2 * SHARDS)
    expect(h.events.map(({ reason }) => reason)).toEqual(['Planned', 'Completed'])
  })

  it('ends with the reason when the job is wrong', async () => {
    const h = await harness({ plan: [{ exit: 64, outcome: { result: 'failed', reason: 'InputNotFound', message: 'no file matches file:/data/in/*.parquet' } }] })
    const status = await runJob(h.cluster, JOB, clock, AbortSignal.timeout(25_000))
    expect(complete(status)).toMatchObject({ status: 'False', reason: 'InputNotFound', message: 'no file matches file:/data/in/*.parquet' })
  })

  it('stops when told so', async () => {
    const h = await harness({ plan: [{ hang: true }] })
    const stop = new AbortController()
    const running = runJob(h.cluster, JOB, clock, stop.signal)
    await h.until(async () => (await h.log()).length === 1)
    stop.abort(new Error('Ctrl-C'))
    await expect(running).rejects.toThrow('Ctrl-C')
  })

  it('returns null for a job that is gone', async () => {
    const h = await harness({})
    expect(await runJob(h.cluster, { ...JOB, uid: 'another' }, clock, AbortSignal.timeout(25_000))).toBeNull()
  })

  it('leaves no runner behind when its process is killed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'llmbatch-parent-'))
    try {
      const parent = spawn(process.execPath, [fileURLToPath(new URL('testdata/parent.ts', import.meta.url))], { env: { FAKE_FOLDER: folder, TMPDIR: folder }, stdio: 'ignore' })
      const pids = async (): Promise<number[]> => {
        const text = await readFile(join(folder, 'log'), 'utf8').catch(() => '')
        return [...text.matchAll(/^start \S+ (\d+)$/gm)].map((match) => Number(match[1]))
      }
      while ((await pids()).length < 2) await sleep(10)
      parent.kill('SIGKILL')
      const alive = (pid: number): boolean => {
        try {
          return process.kill(pid, 0)
        } catch {
          return false
        }
      }
      while ((await pids()).some(alive)) await sleep(10)
      expect(await pids()).toHaveLength(2)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
