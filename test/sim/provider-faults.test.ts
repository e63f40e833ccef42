import { describe, expect, it } from 'vitest'
import type { BatchProvider } from '../../runner/provider/batch-provider.ts'
import { runScenario } from './run-scenario.ts'
import type { Fault } from './sim-process.ts'
import type { Scenario } from './world.ts'

const CREATE = 'POST /v1/batches'
const ONE_FILE: Scenario = { seed: 'one', files: ['b.parquet'], faults: [] }

/** Steps of a scenario whose call's name ends so. */
async function stepsNamed(scenario: Scenario, name: string): Promise<number[]> {
  const world = await runScenario(scenario)
  return world.trace.lines.flatMap((line) => (line.endsWith(name) ? [Number(line.split(' ')[0])] : []))
}

describe('a create whose fate is open', () => {
  for (const lateSeconds of [0.2, 0.9, 3, 600]) {
    it(`takes effect ${lateSeconds} s after its connection broke: no row is paid twice`, async () => {
      for (const n of [1, 2]) await runScenario({ ...ONE_FILE, behaviour: { faults: [{ call: CREATE, n, when: 'before', status: null, lateSeconds }] } })
    })
  }

  for (const when of ['before', 'after'] as const) {
    it(`is reset or answered 500 ${when} it took effect: no row is paid twice`, async () => {
      for (const status of [null, 500, 408]) await runScenario({ ...ONE_FILE, behaviour: { faults: [{ call: CREATE, n: 1, when, status, lateSeconds: null }] } })
    })
  }

  it('is not listed at once: the second listing finds it', async () => {
    for (const listLagSeconds of [0.3, 0.9]) {
      await runScenario({ ...ONE_FILE, behaviour: { validatingSeconds: 0, listLagSeconds, faults: [{ call: CREATE, n: 1, when: 'after', status: null, lateSeconds: null }] } })
    }
  })
})

describe('other faults of the provider', () => {
  const calls = ['POST /v1/files', 'GET /v1/batches', 'GET /v1/batches/{id}', 'GET /v1/files/{id}', 'GET /v1/files/{id}/content', 'DELETE /v1/files/{id}']
  it('any call is reset or answered 500 once: the job ends right', async () => {
    for (const call of calls) {
      for (const when of ['before', 'after'] as const) {
        for (const status of [null, 500]) await runScenario({ ...ONE_FILE, behaviour: { faults: [{ call, n: 1, when, status, lateSeconds: null }] } })
      }
    }
  })

  it('a rate limit on create that lasts for hours waits, the ledger does not grow, and the job ends right', async () => {
    const faults = Array.from({ length: 400 }, (_, i) => ({ call: CREATE, n: i + 1, when: 'before' as const, status: 429, lateSeconds: null }))
    const world = await runScenario({ ...ONE_FILE, behaviour: { faults }, runLimitSeconds: 24 * 3600 })
    const sizes = world.trace.lines.flatMap((line) => /put \S*\/ledgers\/\S* (\d+) /.exec(line)?.[1] ?? [])
    expect(sizes.length).toBeGreaterThan(400)
    expect(Math.max(...sizes.map(Number))).toBeLessThan(8 * 1024)
  })

  it('files that show up after `completed` are waited for', async () => {
    await runScenario({ ...ONE_FILE, behaviour: { outputFileLagSeconds: 20 } })
  })

  it('batches that take hours are waited for', async () => {
    await runScenario({ ...ONE_FILE, limits: { pollSeconds: 120 }, runLimitSeconds: 12 * 3600, behaviour: { inProgressSeconds: 5 * 3600 } })
  })
})

describe('the checks notice a protocol that is broken on purpose', () => {
  const kill = (step: number): Fault => ({ step, when: 'after', what: 'KillProcess' })
  const late: Scenario = { ...ONE_FILE, behaviour: { faults: [{ call: CREATE, n: 1, when: 'before', status: null, lateSeconds: 3 }] } }
  const unlisted: Scenario = { ...ONE_FILE, behaviour: { validatingSeconds: 0, listLagSeconds: 0.9, faults: [{ call: CREATE, n: 1, when: 'after', status: null, lateSeconds: null }] } }

  it('resubmitting without looking for the batch', async () => {
    const [step = 0] = await stepsNamed(ONE_FILE, CREATE)
    expect(step).toBeGreaterThan(0)
    const mutate = (provider: BatchProvider): BatchProvider => ({ ...provider, list: () => Promise.resolve([]), deleteFile: () => Promise.resolve() })
    await expect(runScenario({ ...ONE_FILE, faults: [kill(step)], mutate })).rejects.toThrow()
    await runScenario({ ...ONE_FILE, faults: [kill(step)] })
  })

  it('resubmitting without deleting the file', async () => {
    const mutate = (provider: BatchProvider): BatchProvider => ({ ...provider, deleteFile: () => Promise.resolve() })
    await expect(runScenario({ ...late, mutate })).rejects.toThrow()
    await runScenario(late)
  })

  it('resubmitting without the second listing', async () => {
    let listings = 0
    const mutate = (provider: BatchProvider): BatchProvider => ({ ...provider, list: (since) => (++listings % 2 === 0 ? Promise.resolve([]) : provider.list(since)) })
    await expect(runScenario({ ...unlisted, mutate })).rejects.toThrow()
    await runScenario(unlisted)
  })

  it('sending a create again by itself', async () => {
    const mutate = (provider: BatchProvider): BatchProvider => ({
      ...provider,
      create: async (file, identity) => {
        const first = await provider.create(file, identity)
        return first.kind === 'Ambiguous' ? provider.create(file, identity) : first
      },
    })
    const lost: Scenario = { ...ONE_FILE, behaviour: { faults: [{ call: CREATE, n: 1, when: 'after', status: null, lateSeconds: null }] } }
    await expect(runScenario({ ...lost, mutate })).rejects.toThrow()
    await runScenario(lost)
  })

  it('accepting a download that was cut short', async () => {
    const mutate = (provider: BatchProvider): BatchProvider => ({
      ...provider,
      get: async (id) => {
        const batch = await provider.get(id)
        return batch.state.kind === 'Ended' ? { ...batch, state: { ...batch.state, lines: null } } : batch
      },
      async *outcomes(file) {
        try {
          yield* provider.outcomes(file)
        } catch (error) {
          if (!(error instanceof Error)) throw error
        }
      },
    })
    // It also has to believe that the lines it has are all there are.
    const cut: Scenario = { ...ONE_FILE, behaviour: { faults: [{ call: 'GET /v1/files/{id}/content', n: 1, when: 'after', status: null, lateSeconds: null }] } }
    await expect(runScenario({ ...cut, mutate })).rejects.toThrow()
    await runScenario(cut)
  })
})
