import { describe, expect, it } from 'vitest'
import { FILES, ROWS, runScenario } from './run-scenario.ts'
import { expectBilledOnce, expectOutputRight } from './oracle.ts'
import { World, type Scenario } from './world.ts'

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
