import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { retryingStorage } from '../../runner/storage/retrying-storage.ts'
import { isStorageError } from '../../runner/storage/storage.ts'
import { FAULTS_OF_CALLS, type StorageFault } from '../../runner/storage/testdata/storage-fault-layer.ts'
import { expectBilledOnce, expectOutputRight } from './oracle.ts'
import { FILES, runScenario, stepsOf } from './run-scenario.ts'
import { SeededRandom } from './seeded-random.ts'
import type { Fault } from './sim-process.ts'
import { World, type Scenario } from './world.ts'

const KINDS: readonly StorageFault[] = [...new Set(Object.values(FAULTS_OF_CALLS).flat())]
/** Faults after which a write's fate is open. */
const OPEN_FATES: readonly StorageFault[] = ['AppliedUnclear', 'LateUnclear', 'LostUnclear', 'SentTwice']

function faulty(seed: number | string, rate: number): Scenario {
  return { seed: `storage ${seed}`, files: FILES, faults: [], storageFaults: { rate } }
}

/** What the runners that failed said at their end. */
function failedRunners(world: World): string[] {
  return world.trace.lines.filter((line) => / ended: .*"exitCode":[1-9]/.test(line))
}

describe('a job whose storage fails at random', () => {
  it('in 5 % of its calls, 100 times: ends right, no runner fails, each row is billed once', { timeout: 120_000 }, async () => {
    const counts = new Map<StorageFault, number>()
    let lateEffects = 0
    for (let seed = 0; seed < 100; seed++) {
      const world = await runScenario(faulty(seed, 0.05))
      expect(failedRunners(world), `seed ${seed}`).toEqual([])
      for (const [kind, count] of world.storageFaults.counts) counts.set(kind, (counts.get(kind) ?? 0) + count)
      lateEffects += world.storageFaults.lateEffects
    }
    for (const kind of KINDS) expect(counts.get(kind), kind).toBeGreaterThan(20)
    expect(lateEffects).toBeGreaterThan(0)
  })

  it('in 15 %, with kills and pauses at random and two runs at once: nothing is lost or paid twice', { timeout: 600_000 }, async () => {
    for (let seed = 0; seed < Number(process.env['SEEDS'] ?? '60'); seed++) {
      const random = new SeededRandom(`storage schedule ${seed}`)
      const faults = Array.from({ length: random.integer(1, 4) }, (): Fault => ({
        step: random.integer(1, 600),
        when: random.next() < 0.5 ? 'before' : 'after',
        what: random.next() < 0.3 ? 'KillRun' : random.next() < 0.7 ? 'KillProcess' : { pauseMs: random.integer(100, 30_000) },
      }))
      const kinds = seed % 3 === 0 ? OPEN_FATES : KINDS
      await runScenario({ ...faulty(`killed ${seed}`, 0.15), storageFaults: { rate: 0.15, kinds }, faults, runs: random.integer(1, 2), shardRows: random.integer(8, 40) })
    }
  })

  it('is a pure function of its seed', async () => {
    for (let seed = 0; seed < 5; seed++) {
      const scenario: Scenario = { ...faulty(seed, 0.1), faults: [{ step: 90, when: 'after', what: 'KillProcess' }], runs: 2 }
      const [first, second] = [await runScenario(scenario), await runScenario(scenario)]
      expect(second.trace.traceHash()).toBe(first.trace.traceHash())
      expect(first.storageFaults.counts.size).toBeGreaterThan(3)
    }
  })
})

describe('a job whose storage is away', () => {
  const plain: Scenario = { seed: 'away', files: FILES, faults: [] }
  const COMPLETE = ['Complete', 'Completed'] as const

  /** A job whose storage is away from a step on, run again until it is complete: with each row billed once. `end` is how its first run ended. */
  async function runAway(step: number, seconds: number): Promise<{ readonly world: World; readonly end: readonly [string, string] }> {
    const world = new World({ ...plain, seed: `away ${step}`, storageFaults: { rate: 0, away: { step, seconds } }, runLimitSeconds: 7_200 })
    await world.putInputs()
    const ends = [endOf(await world.runJob())]
    while (ends.at(-1)?.[0] === 'Failed' && ends.length < 10) ends.push(endOf(await world.runJob()))
    expect(ends.at(-1), `step ${step}`).toEqual(COMPLETE)
    await expectBilledOnce(world, await expectOutputRight(world, FILES))
    return { world, end: ends[0] ?? COMPLETE }
  }

  /** The type and the reason of the condition that a run ended with. */
  function endOf([status]: Awaited<ReturnType<World['runJob']>>): readonly [string, string] {
    const end = status?.conditions?.find(({ type, status: holds }) => holds === 'True' && (type === 'Complete' || type === 'Failed'))
    return [end?.type ?? '', end?.reason ?? '']
  }

  it('for 30 s goes on: no runner fails', { timeout: 120_000 }, async () => {
    for (let step = 1; step < (await stepsOf(plain)); step += 9) {
      const { world, end } = await runAway(step, 30)
      expect(end).toEqual(COMPLETE)
      expect(failedRunners(world), `step ${step}`).toEqual([])
    }
  })

  it('for 5 minutes has its runners fail and start again, and ends right', { timeout: 120_000 }, async () => {
    let failed = 0
    for (let step = 5; step < (await stepsOf(plain)); step += 20) {
      const { world, end } = await runAway(step, 300)
      expect(end).toEqual(COMPLETE)
      failed += failedRunners(world).length
    }
    expect(failed).toBeGreaterThan(20)
  })

  it('for an hour fails and says so; run again, it goes on from where it was', { timeout: 120_000 }, async () => {
    for (let step = 5; step < 400; step += 40) {
      const { end } = await runAway(step, 3_600)
      expect(end, `step ${step}`).toEqual(['Failed', 'StorageUnavailable'])
    }
  })
})

describe('the checks notice', () => {
  /** In how many of 10 seeds a job with this layer fails, or one of its runners does. */
  async function failures(storageFaults: NonNullable<Scenario['storageFaults']>, storageLayer: typeof retryingStorage): Promise<number> {
    let failed = 0
    for (let seed = 0; seed < 10; seed++) {
      const end = await runScenario({ ...faulty(`mutant ${seed}`, 0), storageFaults, storageLayer }).then(failedRunners, () => ['The job failed'])
      if (end.length > 0) failed += 1
    }
    return failed
  }

  it('nothing wrong with retryingStorage', async () => {
    expect(await failures({ rate: 0.1 }, retryingStorage)).toBe(0)
  })

  it('a layer that does not try again', async () => {
    expect(await failures({ rate: 0.05 }, (store) => store)).toBe(10)
  })

  it('an unclear write that is taken as done', async () => {
    expect(await failures({ rate: 0.3, kinds: ['LostUnclear'] }, (store, ports) => {
      const storage = retryingStorage(store, ports)
      return {
        ...storage,
        put: (uri, bytes, condition) => storage.put(uri, bytes, condition).catch((error: unknown) => {
          if (isStorageError(error, 'Unclear')) return createHash('sha256').update(bytes).digest('hex')
          throw error
        }),
      }
    })).toBe(10)
  })

  it('a read that starts again where it began', async () => {
    expect(await failures({ rate: 0.3, kinds: ['Broken'] }, (store, ports) => ({
      ...retryingStorage(store, ports),
      async *read(uri, from, to, ifMatch) {
        for (;;) {
          try {
            yield* store.read(uri, from, to, ifMatch)
            return
          } catch (error) {
            if (!isStorageError(error, 'Unclear')) throw error
          }
        }
      },
    }))).toBe(10)
  })
})
