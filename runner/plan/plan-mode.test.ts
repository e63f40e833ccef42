import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeWireSet } from '../../crds/wire-set.ts'
import { INPUT, ModeWorld, OUTPUT, parquetFile, WORK } from '../testdata/mode-world.ts'
import { PlanReader } from './plan-object.ts'

async function worldOf(...files: ('a' | 'b' | 'empty')[]): Promise<ModeWorld> {
  const world = new ModeWorld()
  for (const file of files) await world.put(`${file}.parquet`, parquetFile(file))
  return world
}

async function expectRefused(world: ModeWorld, reason: string, words: string): Promise<void> {
  const { outcome, exitCode } = await world.run('plan')
  expect(outcome).toMatchObject({ mode: 'plan', result: 'failed', reason, message: expect.stringContaining(words) })
  expect(exitCode).toBe(64)
  expect(Object.values((await world.simulator.state()).calls).length, 'provider calls').toBe(0)
}

const asked = (world: ModeWorld, prompt: string): void => {
  world.spec = { ...world.spec, request: { ...world.spec.request, prompt } }
}
const written = (world: ModeWorld, uri: string, ifExists: 'Fail' | 'Overwrite' = 'Fail'): void => {
  world.spec = { ...world.spec, output: { ...world.spec.output, uri, ifExists } }
}
const read = (world: ModeWorld, uri: string): void => {
  world.spec = { ...world.spec, input: { uri } }
}

describe('planning', () => {
  it('counts what there is to do, in an object named by its digest, and calls no provider', async () => {
    const world = await worldOf('a', 'b', 'empty')
    const plan = await world.plan()
    expect(plan).toEqual({ uri: `${WORK}plans/${plan.digest}`, digest: plan.digest, files: 3, chunks: 4, shards: 3, rows: 34 })
    const reader = await PlanReader.open(world.storage, plan)
    expect((await reader.header()).inputs.map(({ uri, name, rows }) => ({ uri, name, rows }))).toEqual([
      { uri: `${INPUT}a.parquet`, name: 'a.parquet', rows: 24 },
      { uri: `${INPUT}b.parquet`, name: 'b.parquet', rows: 10 },
      { uri: `${INPUT}empty.parquet`, name: 'empty.parquet', rows: 0 },
    ])
    expect((await world.simulator.state()).calls).toEqual({})
  })

  it('is a pure function of inputs and spec: again it writes the same plan', async () => {
    const world = await worldOf('a', 'b')
    const first = await world.plan()
    const other = await worldOf('a', 'b')
    expect(await other.plan()).toEqual(first)
    expect(await world.plan()).toEqual(first)
    asked(world, '{{title}}')
    expect((await world.plan()).digest).not.toBe(first.digest)
  })

  it('reads footers, never the data', async () => {
    const world = new ModeWorld()
    const bytes = readFileSync(new URL('../../examples/wordnet/wordnet.parquet', import.meta.url))
    await world.put('wordnet.parquet', bytes)
    asked(world, '{{definition}}')
    await world.plan()
    const read = world.storage.ranges.filter(({ uri }) => uri.startsWith(INPUT)).reduce((sum, { from, to }) => sum + to - from, 0)
    expect(read).toBeLessThan(bytes.length / 4)
  })

  it('plans the same file under two names once; it has two outputs', async () => {
    const world = await worldOf('a')
    await world.put('copy.parquet', parquetFile('a'))
    expect(await world.plan()).toMatchObject({ files: 2, chunks: 3, rows: 24 })
  })

  it('plans files without rows', async () => {
    const { outcome } = await (await worldOf('empty')).run('plan')
    expect(outcome).toMatchObject({ result: 'done', plan: { files: 1, chunks: 0, shards: 0, rows: 0 }, doneChunks: 0 })
  })

  it('reports the shards that are done already', async () => {
    const world = await worldOf('a')
    const plan = await world.plan()
    await world.finish(plan, 1)
    const { outcome } = await world.run('plan')
    expect(decodeWireSet(outcome.done ?? '').toString()).toBe('1')
    expect(outcome).toMatchObject({ doneChunks: 1, rows: { total: 8, succeeded: 8, failed: 0 } })
  })

  it('leaves no upload behind', async () => {
    const world = await worldOf('a')
    await world.plan()
    expect(world.storage.openUploads()).toEqual([])
  })
})

describe('planning refuses before anything is spent', () => {
  it('an input that is not there', async () => {
    await expectRefused(await worldOf(), 'InputNotFound', `spec.input.uri ${INPUT}*.parquet matches nothing: nothing lies under ${INPUT}`)
    const world = await worldOf('a')
    read(world, `${INPUT}c.parquet`)
    await expectRefused(world, 'InputNotFound', `${INPUT}c.parquet`)
  })

  it('a file that is not Parquet, by its name', async () => {
    const world = await worldOf('a')
    await world.put('z.parquet', Buffer.from('not a Parquet file at all'))
    await expectRefused(world, 'InvalidInput', `spec.input.uri matches ${INPUT}z.parquet: it is not Parquet`)
  })

  it.each([
    ['{{titel}}', `spec.request.prompt names {{titel}}, but ${INPUT}a.parquet has no such column; near matches: title`],
    ['{{Title}}', 'it has {{title}}: the name must be the same to the letter'],
    ['{{zebra}}', 'its columns are: id, title'],
    ['{{title.x}}', 'title is BYTE_ARRAY STRING there, which has no fields'],
    ['{{row.title}}', 'near matches: title'],
  ])('a column that is not there: %s', async (prompt, words) => {
    const world = await worldOf('a')
    asked(world, prompt)
    await expectRefused(world, 'UnknownColumn', words)
  })

  it('an added column that the input has', async () => {
    const world = await worldOf('a')
    const { output } = world.spec
    world.spec = { ...world.spec, output: { ...output, columns: { names: { ...output.columns.names, response: 'TITLE' } } } }
    await expectRefused(world, 'ColumnExists', 'TITLE')
  })

  it('an output that somebody else wrote, unless told to overwrite it', async () => {
    const world = await worldOf('a')
    await world.storage.put(`${OUTPUT}a.parquet`, Buffer.from('precious'), { unconditional: true })
    await expectRefused(world, 'OutputExists', `spec.output.uri holds ${OUTPUT}a.parquet already, which this job did not write`)
    written(world, OUTPUT, 'Overwrite')
    expect((await world.run('plan')).outcome.result).toBe('done')
  })

  it.each([
    ['in the input folder', `${INPUT}*.parquet`, INPUT],
    ['below a pattern that crosses folders', `${INPUT}**`, `${INPUT}out/`],
    ['in the input folder of a narrow pattern', `${INPUT}a*.parquet`, INPUT],
    ['below a narrow pattern that crosses folders', `${INPUT}**/a*.parquet`, `${INPUT}out/`],
    ['in place of the one input file', `${INPUT}a.parquet`, INPUT],
  ])('an output %s, even with Overwrite: it would replace the input, or be the next run\'s', async (_, input, output) => {
    const world = await worldOf('a')
    read(world, input)
    written(world, output, 'Overwrite')
    await expectRefused(world, 'OutputInsideInput', 'spec.output.uri')
  })

  it('a work folder that the input pattern takes in', async () => {
    const world = await worldOf('a')
    read(world, 'memory://bucket/**')
    await expectRefused(world, 'OutputInsideInput', 'spec.output.uri')
    written(world, 'memory://other/out/')
    await expectRefused(world, 'OutputInsideInput', `spec.work.uri ${WORK} lies where`)
  })

  it('not an output beside the input, in a folder that the pattern does not reach', async () => {
    const world = await worldOf('a')
    written(world, `${INPUT}out/`)
    expect((await world.run('plan')).outcome.result).toBe('done')
  })
})
