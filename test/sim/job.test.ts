import { describe, expect, it } from 'vitest'
import { expectBilledOnce, expectOutputRight } from './oracle.ts'
import type { Fault } from './sim-process.ts'
import { SeededRandom } from './seeded-random.ts'
import { World, type Scenario } from './world.ts'

const FILES = ['a.parquet', 'b.parquet', 'empty.parquet']
const ROWS = 34

async function runScenario(scenario: Scenario): Promise<World> {
  const world = new World(scenario)
  try {
    await world.putInputs()
    const statuses = await world.runJob()
    for (const status of statuses) expect(status.conditions?.find((condition) => condition.type === 'Complete')).toMatchObject({ status: 'True' })
    const rows = await expectOutputRight(world, scenario.files)
    await expectBilledOnce(world, rows)
    return world
  } catch (error) {
    throw new Error(`${JSON.stringify(scenario)} failed; the last steps were:\n${world.trace.tail(60)}`, { cause: error })
  }
}

describe('a whole job in virtual time', () => {
  it('gives each row its answer and is billed each row once', async () => {
    const world = await runScenario({ seed: 'plain', files: FILES, faults: [] })
    expect((await world.bill()).length).toBe(ROWS)
  })

  it('is a pure function of its seed', async () => {
    const scenario: Scenario = { seed: 'twice', files: FILES, faults: [{ step: 60, when: 'after', what: 'KillProcess' }], runs: 2 }
    const [first, second] = [await runScenario(scenario), await runScenario(scenario)]
    expect(second.trace.traceHash()).toBe(first.trace.traceHash())
    expect((await runScenario({ ...scenario, seed: 'other' })).trace.traceHash()).not.toBe(first.trace.traceHash())
  })

  it('does nothing when it is run again: no provider call, no write to the output', async () => {
    const world = await runScenario({ seed: 'again', files: FILES, faults: [] })
    const before = { calls: (await world.providerState()).calls, output: await world.storage.head('memory://bucket/out/a.parquet') }
    await world.runJob()
    expect((await world.providerState()).calls).toEqual(before.calls)
    expect(await world.storage.head('memory://bucket/out/a.parquet')).toEqual(before.output)
  })

  it('asks all rows anew when the prompt changes, and refuses the output of the old one unless told to overwrite it', async () => {
    const world = await runScenario({ seed: 'prompt', files: FILES, faults: [] })
    const changed = world.spec({ prompt: 'Title: {{title}}  ({{id}})' })
    const [refused] = await world.runJob(changed)
    expect(refused?.conditions?.find((condition) => condition.type === 'Failed')).toMatchObject({ status: 'True', reason: 'OutputExists' })
    expect((await world.bill()).length).toBe(ROWS)
    await world.runJob({ ...changed, output: { ...changed.output, ifExists: 'Overwrite' } })
    expect((await world.bill()).length).toBe(2 * ROWS)
  })

  it('pays for a new input file only', async () => {
    const world = new World({ seed: 'more', files: FILES, faults: [] })
    await world.putInputs(['a.parquet'])
    await world.runJob()
    expect((await world.bill()).length).toBe(24)
    await world.putInputs()
    await world.runJob()
    expect(await expectOutputRight(world, FILES)).toBe(ROWS)
    await expectBilledOnce(world, ROWS)
  })

  it('sends rows that expired once more, and pays for them once', async () => {
    const world = await runScenario({ seed: 'expired', files: FILES, faults: [], behaviour: { windowSeconds: 60, rows: { expired: 0.4, serverError: 0, invalidRequest: 0, refused: 0, truncated: 0 }, unluckyBatches: 4 } })
    const bill = await world.bill()
    expect(bill.filter((line) => line.outcome === 'expired').length).toBeGreaterThan(0)
  })

  it('ends well when two runs of it work at once', async () => {
    for (let seed = 0; seed < 10; seed++) await runScenario({ seed: `pair ${seed}`, files: FILES, faults: [], runs: 2 })
  })
})

/** How many steps a scenario takes without faults. */
async function stepsOf(scenario: Scenario): Promise<number> {
  return (await runScenario(scenario)).trace.steps
}

describe('a job under kills', () => {
  for (const what of ['KillProcess', 'KillRun'] as const) {
    for (const when of ['before', 'after'] as const) {
      it(`${what} ${when} every I/O call: nothing is lost or paid twice`, { timeout: 600_000 }, async () => {
        const scenario: Scenario = { seed: 'kill', files: FILES, faults: [] }
        const steps = await stepsOf(scenario)
        expect(steps).toBeGreaterThan(100)
        for (let step = 1; step <= steps; step++) await runScenario({ ...scenario, faults: [{ step, when, what }] })
      })
    }
  }

  it('a runner stopped at any call for longer than its lease does no harm when it goes on', { timeout: 600_000 }, async () => {
    const scenario: Scenario = { seed: 'pause', files: FILES, faults: [], runs: 2 }
    const steps = await stepsOf(scenario)
    for (let step = 1; step <= steps; step++) await runScenario({ ...scenario, faults: [{ step, when: step % 2 === 0 ? 'before' : 'after', what: { pauseMs: 20_000 } }] })
  })

  it('several kills and pauses at random, with one or two runs', { timeout: 600_000 }, async () => {
    for (let seed = 0; seed < Number(process.env['SEEDS'] ?? '200'); seed++) {
      const random = new SeededRandom(`schedule ${seed}`)
      const faults = Array.from({ length: random.integer(1, 6) }, (): Fault => ({
        step: random.integer(1, 600),
        when: random.next() < 0.5 ? 'before' : 'after',
        what: random.next() < 0.3 ? 'KillRun' : random.next() < 0.5 ? 'KillProcess' : { pauseMs: random.integer(100, 30_000) },
      }))
      await runScenario({ seed: `random ${seed}`, files: FILES, faults, runs: random.integer(1, 2), shardRows: random.integer(8, 40) })
    }
  })
})
