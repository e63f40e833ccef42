import { describe, expect, it } from 'vitest'
import { decodeWireSet } from '../../crds/wire-set.ts'
import { ModeWorld, OUTPUT, parquetFile } from '../testdata/mode-world.ts'

async function worldOf(...files: ('a' | 'b' | 'empty')[]): Promise<ModeWorld> {
  const world = new ModeWorld()
  for (const file of files) await world.put(`${file}.parquet`, parquetFile(file))
  return world
}

const TARGET = `${OUTPUT}b.parquet`

describe('merging', () => {
  it('writes one output for each input, each row with its answer, and says what it cost', async () => {
    const world = await worldOf('a', 'b', 'empty')
    const plan = await world.runJob()
    for (const [name, rows] of [['a', 24], ['b', 10], ['empty', 0]] as const) expect((await world.rows(`${name}.parquet`)).length).toBe(rows)
    const { outcome } = await world.run('merge', plan)
    expect(outcome).toMatchObject({ result: 'done', rows: { total: 34, succeeded: 34, failed: 0 }, output: { uri: OUTPUT, files: 3, rows: 34 } })
    const bill = await world.simulator.bill()
    expect(outcome.tokens).toEqual({ input: bill.reduce((sum, line) => sum + line.inputTokens, 0), output: bill.reduce((sum, line) => sum + line.outputTokens, 0) })
  })

  it('names the shards that are not done, and writes nothing', async () => {
    const world = await worldOf('a', 'b')
    const plan = await world.plan()
    await world.finish(plan, 1)
    const { outcome } = await world.run('merge', plan)
    expect(outcome).toMatchObject({ result: 'failed', reason: 'Incomplete', message: '2 of 3 shards are not done' })
    expect(decodeWireSet(outcome.wake ?? '').toString()).toBe('0,2')
    expect(await world.storage.head(`${OUTPUT}a.parquet`)).toBeNull()
  })

  it('writes nothing the second time', async () => {
    const world = await worldOf('a', 'b', 'empty')
    const plan = await world.runJob()
    const before = await world.storage.head(TARGET)
    world.storage.writes.length = 0
    const [first, second] = [await world.run('merge', plan), await world.run('merge', plan)]
    expect(second.outcome).toEqual(first.outcome)
    expect(world.storage.writes).toEqual([])
    expect(await world.storage.head(TARGET)).toEqual(before)
  })

  it('gives a file that stands under two names two outputs, and asks its rows once', async () => {
    const world = await worldOf('b')
    await world.put('copy.parquet', parquetFile('b'))
    await world.runJob()
    expect(await world.rows('copy.parquet')).toEqual(await world.rows('b.parquet'))
    expect((await world.simulator.bill()).length).toBe(10)
  })

  it('refuses a file that appeared since the plan, unless told to overwrite it', async () => {
    const world = await worldOf('b')
    const plan = await world.plan()
    await world.finish(plan, 0)
    await world.storage.put(TARGET, Buffer.from('precious'), { unconditional: true })
    const refused = await world.run('merge', plan)
    expect(refused).toMatchObject({ exitCode: 64, outcome: { result: 'failed', reason: 'OutputExists', message: expect.stringContaining(TARGET) } })
    expect(Buffer.from((await world.storage.get(TARGET))?.bytes ?? []).toString()).toBe('precious')
    world.spec = { ...world.spec, output: { ...world.spec.output, ifExists: 'Overwrite' } }
    expect((await world.run('merge', plan)).outcome.result).toBe('done')
    expect((await world.rows('b.parquet')).length).toBe(10)
  })

  it('replaces its own older output when the input changed', async () => {
    const world = await worldOf('b')
    await world.runJob()
    await world.put('b.parquet', parquetFile('a'))
    await world.runJob()
    expect((await world.rows('b.parquet')).length).toBe(24)
  })

  it('does not replace an output of its own that somebody changed', async () => {
    const world = await worldOf('b')
    const plan = await world.runJob()
    await world.storage.put(TARGET, Buffer.from('edited by hand'), { unconditional: true })
    expect((await world.run('merge', plan)).outcome).toMatchObject({ result: 'failed', reason: 'OutputExists' })
    expect((await world.run('plan')).outcome).toMatchObject({ result: 'failed', reason: 'OutputExists' })
  })

  it('drops the uploads that a crash left at an output', async () => {
    const world = await worldOf('b')
    const plan = await world.plan()
    await world.finish(plan, 0)
    const upload = await world.storage.beginUpload(TARGET)
    await world.storage.uploadPart(TARGET, upload, 1, Buffer.from('half'))
    expect((await world.run('merge', plan)).outcome.result).toBe('done')
    expect(world.storage.openUploads()).toEqual([])
  })

  it.each(['AppliedUnclear', 'LostUnclear', 'Conflict'] as const)('ends well when the last call of an output ends %s', async (fault) => {
    const world = await worldOf('b')
    const plan = await world.plan()
    await world.finish(plan, 0)
    world.storage.faultsOf.set(TARGET, [fault])
    expect((await world.run('merge', plan)).outcome.result).toBe('done')
    expect((await world.rows('b.parquet')).length).toBe(10)
    expect(world.storage.openUploads()).toEqual([])
    world.storage.writes.length = 0
    await world.run('merge', plan)
    expect(world.storage.writes).toEqual([])
  })

  it('outlasts a store that for a while does not say whether an output was completed', async () => {
    const world = await worldOf('b')
    const plan = await world.plan()
    await world.finish(plan, 0)
    world.storage.faultsOf.set(TARGET, Array.from({ length: 8 }, () => 'LostUnclear' as const))
    expect((await world.run('merge', plan)).outcome.result).toBe('done')
    expect((await world.rows('b.parquet')).length).toBe(10)
    expect(world.storage.openUploads()).toEqual([])
  })

  it('two at once end with one output and no upload left', async () => {
    const world = await worldOf('b')
    const plan = await world.plan()
    await world.finish(plan, 0)
    const ends = await Promise.all([world.run('merge', plan), world.run('merge', plan)])
    // One may meet the other's clean-up; it is then tried again.
    for (const { outcome, exitCode } of ends) expect(outcome.result === 'done' || exitCode === 75).toBe(true)
    expect((await world.run('merge', plan)).outcome.result).toBe('done')
    expect((await world.rows('b.parquet')).length).toBe(10)
    expect(world.storage.openUploads()).toEqual([])
  })

  it('needs its plan', async () => {
    const world = await worldOf('b')
    const plan = await world.plan()
    await world.storage.remove(plan.uri)
    expect((await world.run('merge', plan)).outcome).toMatchObject({ result: 'failed', reason: 'LedgerLost' })
    expect(await world.run('merge')).toMatchObject({ exitCode: 70, outcome: { reason: 'InternalError' } })
  })
})
