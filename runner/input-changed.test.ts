import { describe, expect, it } from 'vitest'
import { INPUT, ModeWorld, parquetFile } from './testdata/mode-world.ts'

const ROWS = { a: 24, b: 10 }
/** Of the plan of both files, the one that holds the rows of b. */
const SHARD_OF_B = 2

async function worldOfBoth(): Promise<ModeWorld> {
  const world = new ModeWorld()
  for (const file of ['a', 'b'] as const) await world.put(`${file}.parquet`, parquetFile(file))
  return world
}

/** b as somebody wrote it again: of the same size and footer, with other titles. */
async function replace(world: ModeWorld): Promise<void> {
  await world.put('b.parquet', Buffer.from(Buffer.from(parquetFile('b')).toString('latin1').replace('Row ', 'Raw '), 'latin1'))
}

const remove = (world: ModeWorld): Promise<void> => world.storage.remove(`${INPUT}b.parquet`)

async function billed(world: ModeWorld): Promise<number> {
  return (await world.simulator.bill()).filter((line) => line.billed).length
}

describe.each([
  ['replaced', replace, 'was replaced', ROWS.b],
  ['deleted', remove, 'is gone', 0],
] as const)('an input that is %s in mid-job', (_, change, words, newRows) => {
  const named = { result: 'failed', reason: 'InputChanged', message: expect.stringContaining(`${INPUT}b.parquet ${words} after it was planned`) as unknown }

  it('before its rows are asked: nothing of it is spent, and another run asks what is there now', async () => {
    const world = await worldOfBoth()
    const plan = await world.plan()
    for (const shard of [0, 1]) expect(await world.finish(plan, shard)).toMatchObject({ result: 'done' })
    await change(world)
    const { outcome, exitCode } = await world.run('advance', plan, SHARD_OF_B)
    expect(outcome).toMatchObject(named)
    expect(exitCode).toBe(64)
    expect(await billed(world)).toBe(ROWS.a)
    await world.runJob()
    expect(await billed(world)).toBe(ROWS.a + newRows)
  })

  it('after its rows were asked: they are billed once, and another run asks new rows only', async () => {
    const world = await worldOfBoth()
    const plan = await world.plan()
    expect((await world.run('advance', plan, SHARD_OF_B)).outcome.result).toBe('waiting')
    await change(world)
    expect(await world.finish(plan, SHARD_OF_B)).toMatchObject(named)
    expect(await billed(world)).toBe(ROWS.b)
    await world.runJob()
    expect(await billed(world)).toBe(ROWS.a + ROWS.b + newRows)
  })
})
