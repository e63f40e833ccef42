import { afterEach, describe, expect, it } from 'vitest'
import { EXIT } from '../../crds/exit-codes.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { RunnerProgress } from '../../crds/progress.ts'
import { StatusConflict } from '../cluster.ts'
import type { FakeTry } from './testdata/fake-runner.ts'
import { JOB, localHarness, type LocalHarness } from './testdata/local-harness.ts'

const DONE = { outcome: { result: 'done', chunks: '0-4', rows: { total: 5, succeeded: 5, failed: 0 }, epoch: 1, seq: 3 } } as const
const open: LocalHarness[] = []

async function harness(
  script: Record<string, readonly FakeTry[]>,
  runner?: Partial<LlmBatchJobSpec['runner']>,
  timing?: { graceMs?: number; retryBaseMs?: number },
): Promise<LocalHarness> {
  const made = await localHarness(script, runner, timing)
  open.push(made)
  return made
}

async function ended(h: LocalHarness, wave: string, index: number): Promise<boolean> {
  const phase = (await h.member(wave, index))?.phase
  return phase === 'Succeeded' || phase === 'Failed'
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((h) => h.close()))
})

describe('LocalProcessCluster', () => {
  it('gives each member its own shard and reads what it says', async () => {
    const h = await harness({ advance: [DONE] })
    const wave = await h.start('advance', 3)
    await h.until(async () => (await ended(h, wave, 0)) && (await ended(h, wave, 1)) && ended(h, wave, 2))
    for (const index of [0, 1, 2]) {
      const member = await h.member(wave, index)
      expect(member).toMatchObject({ phase: 'Succeeded', exitCode: 0, outcome: { ...DONE.outcome, shard: index } })
    }
  })

  it('starts members in index order and keeps the parallelism of the wave', async () => {
    const h = await harness({ advance: [{ ...DONE, sleepMs: 40 }] })
    const seen = watchLive(h)
    const wave = await h.start('advance', 7, 2)
    await h.until(async () => (await h.cluster.observe(JOB))?.waves[0]?.members.every(({ phase }) => phase === 'Succeeded') ?? false)
    expect(seen.started).toEqual([0, 1, 2, 3, 4, 5, 6].map((index) => `${wave}/${index}`))
    expect(seen.most).toBe(2)
  })

  it('keeps spec.runner.parallelism over all waves, later waves first', async () => {
    const h = await harness({ advance: [{ ...DONE, sleepMs: 40 }], scout: [{ outcome: { result: 'done', wake: '0' } }] }, { parallelism: 2 })
    const seen = watchLive(h)
    const first = await h.start('advance', 4)
    const scout = await h.start('scout', 1)
    await h.until(async () => (await h.cluster.observe(JOB))?.waves.every(({ members }) => members.every(({ phase }) => phase === 'Succeeded')) ?? false)
    expect(seen.started).toEqual([`${first}/0`, `${first}/1`, `${scout}/0`, `${first}/2`, `${first}/3`])
    expect(seen.most).toBe(2)
  })

  it('starts more members when parallelism is raised and none when it is 0', async () => {
    const h = await harness({ advance: [DONE] })
    const wave = await h.start('advance', 2, 0)
    expect((await h.member(wave, 0))?.phase).toBe('Pending')
    await h.cluster.setParallelism(JOB, wave, 2)
    await h.until(async () => (await ended(h, wave, 0)) && ended(h, wave, 1))
    expect(await h.log()).toHaveLength(4)
  })

  it('kills a runner above its memory and reports the memory class with the peak, without another try', async () => {
    const h = await harness({ advance: [{ allocateMib: 600, hang: true }] })
    const wave = await h.start('advance', 1, 1, 150)
    await h.until(() => ended(h, wave, 0))
    const member = await h.member(wave, 0)
    expect(member).toMatchObject({ phase: 'Failed', exitCode: 137 })
    expect(member?.rssBytes).toBeGreaterThan(150 * 2 ** 20)
    expect((await h.log()).filter((line) => line.startsWith('start'))).toHaveLength(1)
  })

  it('takes a heap out of memory for the memory class too', async () => {
    const h = await harness({ advance: [{ signal: 'SIGABRT' }] })
    const wave = await h.start('advance', 1)
    await h.until(() => ended(h, wave, 0))
    expect(await h.member(wave, 0)).toMatchObject({ phase: 'Failed', exitCode: 134 })
  })

  it('tries a counted failure again and takes the outcome of the last try', async () => {
    const h = await harness({ advance: [{ exit: EXIT.transient, stderr: 'no route to storage' }, { exit: EXIT.bug }, DONE] })
    const wave = await h.start('advance', 1)
    await h.until(() => ended(h, wave, 0))
    expect(await h.member(wave, 0)).toMatchObject({ phase: 'Succeeded', outcome: { result: 'done' } })
    expect((await h.log()).filter((line) => line.startsWith('start'))).toHaveLength(3)
    expect(h.events[0]).toMatchObject({ type: 'Warning', reason: 'RunnerRetried', message: expect.stringContaining('no route to storage') as string })
  })

  it('gives up after six retries and keeps the end of what the runner wrote', async () => {
    const h = await harness({ advance: [{ exit: EXIT.bug, stderr: `${'x'.repeat(5_000)}\nTypeError: boom\n` }] }, {}, { retryBaseMs: 1 })
    const wave = await h.start('advance', 1)
    await h.until(() => ended(h, wave, 0))
    const member = await h.member(wave, 0)
    expect(member).toMatchObject({ phase: 'Failed', exitCode: EXIT.bug, outcome: { result: 'failed', reason: 'RunnerFailed', shard: 0 } })
    expect(member?.outcome?.message).toMatch(/exit code 70.*TypeError: boom$/s)
    expect(member?.outcome?.message?.length).toBeLessThanOrEqual(1_024)
    expect((await h.log()).filter((line) => line.startsWith('start'))).toHaveLength(7)
  })

  it('tries again when somebody kills a runner, as that was not its memory', async () => {
    const h = await harness({ advance: [{ hang: true }, DONE] })
    const wave = await h.start('advance', 1)
    await h.until(async () => (await h.log()).length === 1)
    process.kill(Number((await h.log())[0]?.split(' ')[2]), 'SIGKILL')
    await h.until(() => ended(h, wave, 0))
    expect(await h.member(wave, 0)).toMatchObject({ phase: 'Succeeded', outcome: { result: 'done' } })
  })

  it('does not count stops against a runner', async () => {
    const h = await harness({ advance: [...Array.from({ length: 9 }, () => ({ exit: EXIT.stopped })), DONE] }, {}, { retryBaseMs: 1 })
    const wave = await h.start('advance', 1)
    await h.until(() => ended(h, wave, 0))
    expect(await h.member(wave, 0)).toMatchObject({ phase: 'Succeeded' })
  })

  it('stops the whole wave when the job or its credentials are wrong', async () => {
    const refused = { exit: EXIT.auth, outcome: { result: 'failed', reason: 'AuthFailed', message: 'key refused' }, sleepMs: 200 }
    const h = await harness({ 'advance:1': [refused], advance: [{ hang: true }] })
    const wave = await h.start('advance', 4, 3)
    await h.until(async () => (await Promise.all([0, 1, 2, 3].map((index) => ended(h, wave, index)))).every(Boolean))
    expect(await h.member(wave, 1)).toMatchObject({ phase: 'Failed', exitCode: EXIT.auth, outcome: { reason: 'AuthFailed' } })
    for (const index of [0, 2, 3]) expect(await h.member(wave, index)).toMatchObject({ phase: 'Failed', exitCode: EXIT.stopped })
    expect((await h.log()).some((line) => line.includes('advance-3'))).toBe(false)
  })

  it.each([
    ['is no JSON', '{'],
    ['does not fit its schema', JSON.stringify({ schemaVersion: 1, mode: 'advance', result: 'splendid' })],
    ['is too long', JSON.stringify({ schemaVersion: 1, mode: 'advance', result: 'done', message: 'x'.repeat(5_000) })],
  ])('loses an outcome that %s, and says so', async (_, outcome) => {
    const h = await harness({ advance: [{ outcome }] })
    const wave = await h.start('advance', 1)
    await h.until(() => ended(h, wave, 0))
    const member = await h.member(wave, 0)
    expect(member).toMatchObject({ phase: 'Succeeded', exitCode: 0 })
    expect(member).not.toHaveProperty('outcome')
    expect(h.events.map(({ reason }) => reason)).toEqual(['OutcomeUnreadable'])
  })

  it('does not take the outcome of an earlier try for that of the last one', async () => {
    const h = await harness({ advance: [{ ...DONE, exit: EXIT.transient }, {}] })
    const wave = await h.start('advance', 1)
    await h.until(() => ended(h, wave, 0))
    expect(await h.member(wave, 0)).not.toHaveProperty('outcome')
  })

  it('passes on progress and shows who is at work', async () => {
    const h = await harness({ advance: [{ progress: { mode: 'advance', shard: 0, activity: 'uploading', rowsTotal: 10 }, hang: true }] })
    const seen: [string, RunnerProgress][] = []
    h.cluster.onProgress(({ wave, index }, progress) => seen.push([`${wave}/${index}`, progress]))
    const wave = await h.start('advance', 1)
    await h.until(() => seen.length > 0 && (h.cluster.live()[0]?.rssBytes ?? 0) > 0)
    expect(seen[0]).toEqual([`${wave}/0`, { mode: 'advance', shard: 0, activity: 'uploading', rowsTotal: 10 }])
    expect(h.cluster.live()).toMatchObject([{ wave, mode: 'advance', index: 0, shard: 0 }])
  })

  it('releases ended members only', async () => {
    const h = await harness({ 'advance:0': [DONE], advance: [{ hang: true }] })
    const wave = await h.start('advance', 2)
    await h.until(() => ended(h, wave, 0))
    await h.cluster.release(JOB, wave, [0, 1])
    expect(await h.member(wave, 0)).toEqual(expect.objectContaining({ index: 0, phase: 'Released' }))
    expect((await h.member(wave, 1))?.phase).toBe('Running')
  })

  it('leaves a wave alone that is started again under its name', async () => {
    const h = await harness({ advance: [DONE] })
    const wave = await h.start('advance', 1)
    await h.until(() => ended(h, wave, 0))
    const request = { name: wave, mode: 'advance', parallelism: 1, memoryBytes: 2 ** 28 } as const
    const observed = await h.cluster.observe(JOB)
    await h.cluster.startWave(JOB, { ...request, set: observed?.waves[0]?.set ?? expect.fail('the wave is gone') })
    expect((await h.member(wave, 0))?.phase).toBe('Succeeded')
  })

  it('ends the processes of a wave that is stopped, also those that ignore SIGTERM, before it says so', async () => {
    const h = await harness({ advance: [{ stubborn: true, hang: true }] }, {}, { graceMs: 100 })
    const wave = await h.start('advance', 2)
    await h.until(async () => (await h.log()).length === 2)
    const pids = (await h.log()).map((line) => Number(line.split(' ')[2]))
    await h.cluster.stopWave(JOB, wave)
    expect(pids.map(alive)).toEqual([false, false])
    expect((await h.cluster.observe(JOB))?.waves).toEqual([])
    expect(await h.log()).toHaveLength(4)
  })

  it('leaves nothing behind when closed', async () => {
    const h = await harness({ advance: [{ hang: true }] })
    await h.start('advance', 3)
    await h.until(async () => (await h.log()).length === 3)
    const pids = (await h.log()).map((line) => Number(line.split(' ')[2]))
    await h.cluster.close()
    expect(pids.map(alive)).toEqual([false, false, false])
    await h.start('advance', 1)
    expect(h.cluster.live()).toEqual([])
  })

  it('takes a status only on top of the one that was read', async () => {
    const h = await harness({})
    const observed = await h.cluster.observe(JOB)
    const version = await h.cluster.recordStatus(JOB, { waveCount: 1 }, observed?.resourceVersion ?? '')
    await expect(h.cluster.recordStatus(JOB, { waveCount: 2 }, observed?.resourceVersion ?? '')).rejects.toThrow(StatusConflict)
    expect(await h.cluster.observe(JOB)).toMatchObject({ status: { waveCount: 1 }, resourceVersion: version })
    expect(await h.cluster.observe({ ...JOB, uid: 'another' })).toBeNull()
  })
})

/** Watches which members start, in order, and how many are at work at most. */
function watchLive(h: LocalHarness): { started: string[]; most: number } {
  const seen = { started: [] as string[], most: 0 }
  h.cluster.onChange(() => {
    const live = h.cluster.live().map(({ wave, index }) => `${wave}/${index}`)
    for (const member of live) if (!seen.started.includes(member)) seen.started.push(member)
    seen.most = Math.max(seen.most, live.length)
  })
  return seen
}
