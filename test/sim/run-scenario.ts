import { expect } from 'vitest'
import { expectBilledOnce, expectOutputRight } from './oracle.ts'
import { World, type Scenario } from './world.ts'

/** Inputs of most scenarios: several chunks, shards and batches, and a file without rows. */
export const FILES = ['a.parquet', 'b.parquet', 'empty.parquet']
/** Rows of FILES. */
export const ROWS = 34

/** Runs a scenario to its end and checks output and bill row by row; a failure shows the scenario and the last steps. */
export async function runScenario(scenario: Scenario): Promise<World> {
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

/** How many steps a scenario takes without faults. */
export async function stepsOf(scenario: Scenario): Promise<number> {
  return (await runScenario(scenario)).trace.steps
}
