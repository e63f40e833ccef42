import { array, asyncProperty, assert, boolean, constantFrom, integer } from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LlmBatchJobStatus } from '../../crds/generated/llmbatchjob.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { reconcile } from './reconcile.ts'
import { condition, JOB } from './testdata/example.ts'
import { ModelCluster, seededDraw, type Draw, type Fate } from './testdata/model-cluster.ts'

/** Steps with faults, then without. */
const FAULTY_STEPS = 200
const STEP_LIMIT = 4_000

/** One look, with the calls' faults borne as the loop bears them: by looking again. */
async function look(cluster: ModelCluster): Promise<{ finished: boolean; requeueAfterMs: number | null }> {
  try {
    return await reconcile(cluster, JOB, { now: () => cluster.now })
  } catch (error) {
    if (cluster.faults) return { finished: false, requeueAfterMs: 0 }
    throw error
  }
}

async function run(cluster: ModelCluster, draw: Draw, losesStatus: boolean): Promise<LlmBatchJobStatus> {
  const history: LlmBatchJobStatus[] = [{}]
  for (let step = 0; step < STEP_LIMIT; step++) {
    cluster.faults = step < FAULTY_STEPS
    const { finished, requeueAfterMs } = await look(cluster)
    if (finished) return cluster.status
    history.push(cluster.status)
    if (losesStatus && cluster.faults && draw() < 0.03) cluster.loseStatus(history[Math.floor(draw() * history.length)] ?? {})
    let ended = 0
    for (let i = Math.floor(draw() * 4); i > 0; i--) ended += cluster.endSomeMember() ? 1 : 0
    if (ended === 0 && draw() < 0.5) cluster.now += requeueAfterMs ?? 1_000
  }
  return expect.fail(`no end after ${STEP_LIMIT} steps: ${JSON.stringify(cluster.status)}`)
}

/** What must not depend on the schedule. */
function lasting(status: LlmBatchJobStatus): object {
  const { rows, chunks, shards, completedShards, failedShards, waitingShards, progress, tokens, cost, output, nextPollTime } = status
  const conditions = ['Planned', 'Progressing', 'Failed', 'Complete'].map((type) => `${type}=${condition(status, type)}`)
  return { rows, chunks, shards, completedShards, failedShards, waitingShards, progress, tokens, cost, output, nextPollTime, conditions }
}

function expected(fates: readonly Fate[]): object {
  const chunksOf = (i: number): number => 1 + (i % 3)
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
  const all = sum(fates.map((_, i) => chunksOf(i)))
  const good = fates.flatMap((fate, i) => (fate === 'Done' ? [i] : []))
  const bad = fates.flatMap((fate, i) => (fate === 'Done' ? [] : [i]))
  const done = sum(good.map(chunksOf))
  const reason = fates.find((fate) => fate !== 'Done') === 'OutOfMemory' ? 'RunnerOutOfMemory' : 'RunnerFailed'
  const ended = bad.length === 0 ? ['Failed=False/NoFailure', 'Complete=True/CompletedWithFailures'] : [`Failed=True/${reason}`, `Complete=False/${reason}`]
  return {
    rows: { total: all * 10, done: done * 10, succeeded: done * 9, failed: done },
    chunks: { total: all, committed: done },
    shards: { total: fates.length, completed: good.length, failed: bad.length, waiting: 0 },
    completedShards: IntervalSet.of(good).toString(),
    failedShards: IntervalSet.of(bad).toString(),
    waitingShards: '',
    progress: [],
    tokens: { input: done * 100, output: done * 50 },
    cost: `${done * 2}`,
    output: bad.length === 0 ? { uri: 's3://catalog/sorted/', files: 1, rows: all * 10, digest: 'sha256:o' } : undefined,
    nextPollTime: undefined,
    conditions: ['Planned=True/Planned', `Progressing=False/${bad.length === 0 ? 'CompletedWithFailures' : reason}`, ...ended],
  }
}

const fates = array(constantFrom<Fate[]>('Done', 'Done', 'Done', 'Done', 'Done', 'Done', 'OutOfMemory', 'Bug'), { minLength: 1, maxLength: 14 })
const goodFates = array(constantFrom<Fate[]>('Done'), { minLength: 1, maxLength: 14 })

describe('reconcile', () => {
  it('brings a job to the same end whatever is lost, repeated or reordered, and never breaks a rule on the way', async () => {
    await assert(
      asyncProperty(fates, integer(), async (shards, seed) => {
        const draw = seededDraw(seed)
        const cluster = new ModelCluster(shards, draw)
        expect(lasting(await run(cluster, draw, false))).toEqual(expected(shards))
        expect(cluster.breaches).toEqual([])
        expect(cluster.waves).toEqual([])
      }),
      { numRuns: 400 },
    )
  })

  it('brings a job to the same end when its status is lost or put back on the way', async () => {
    await assert(
      asyncProperty(goodFates, integer(), async (shards, seed) => {
        const draw = seededDraw(seed)
        const cluster = new ModelCluster(shards, draw)
        expect(lasting(await run(cluster, draw, true))).toEqual(expected(shards))
        expect(cluster.breaches).toEqual([])
      }),
      { numRuns: 400 },
    )
  })

  it('advances again what a merge finds open, without counting it twice', async () => {
    await assert(
      asyncProperty(goodFates, integer(), boolean(), async (shards, seed, twice) => {
        const draw = seededDraw(seed)
        const cluster = new ModelCluster(shards, draw, twice ? 2 : 1)
        expect(lasting(await run(cluster, draw, false))).toEqual(expected(shards))
        expect(cluster.breaches).toEqual([])
      }),
      { numRuns: 100 },
    )
  })

  it('writes nothing and starts nothing when it looks again and nothing has changed', async () => {
    const draw = seededDraw(7)
    const cluster = new ModelCluster(Array.from({ length: 6 }, () => 'Done' as const), draw)
    cluster.faults = false
    for (let i = 0; i < 12; i++) {
      await look(cluster)
      const [status, waves] = [cluster.status, cluster.waves.length]
      await look(cluster)
      const [again, wavesAgain] = [cluster.status, cluster.waves.length]
      await look(cluster)
      expect({ status: cluster.status, waves: cluster.waves.length }).toEqual({ status: again, waves: wavesAgain })
      expect(wavesAgain).toBeLessThanOrEqual(waves)
      expect(status.waveCount).toBeLessThanOrEqual(again.waveCount ?? 0)
      cluster.endSomeMember()
    }
  })
})
