import { describe, expect, it } from 'vitest'
import type { BatchProvider } from '../provider/batch-provider.ts'
import type { RequestOutcome } from '../provider/failure-class.ts'
import { collectItems } from '../storage/collect.ts'
import { ModeWorld, parquetFile } from '../testdata/mode-world.ts'

/** A world with 10 rows in one chunk, asked in batches of at most 6. */
async function tenRows(behaviour: unknown = {}): Promise<ModeWorld> {
  const world = new ModeWorld(behaviour)
  await world.put('b.parquet', parquetFile('b'))
  return world
}

/** Changes what each answer file holds. */
function answering(world: ModeWorld, change: (outcomes: readonly RequestOutcome[]) => readonly RequestOutcome[]): void {
  world.wrap = (provider): BatchProvider => ({
    ...provider,
    outcomes: async function* (fileId) {
      yield* change(await collectItems(provider.outcomes(fileId)))
    },
  })
}

const rowOf = (outcome: RequestOutcome): number => Number(outcome.customId.split('-')[1])
const column = async (world: ModeWorld, name: string): Promise<unknown[]> => (await world.rows('b.parquet')).map((row) => row[name])

describe('taking in the answers of a batch', () => {
  it('puts each answer to its row, in whatever order they come', async () => {
    for (const order of [1, -1]) {
      const world = await tenRows()
      answering(world, (outcomes) => outcomes.toSorted((a, b) => order * (rowOf(a) - rowOf(b))).map((outcome) => ({ ...outcome, text: `answer ${rowOf(outcome)}` })))
      await world.runJob()
      expect(await column(world, 'llm_response')).toEqual(Array.from({ length: 10 }, (_, row) => `answer ${row}`))
      expect(await column(world, 'llm_status')).toEqual(Array.from({ length: 10 }, () => 'Succeeded'))
    }
  })

  it('keeps the first of several answers to a row, and leaves out answers to rows that are not of the batch', async () => {
    const world = await tenRows()
    answering(world, (outcomes) => {
      const [first] = outcomes
      if (first === undefined) return []
      const foreign = ['request-1', 'abcdefghijklmnop-0-1', first.customId.replace(/-1$/, '-2'), first.customId.replace(/-\d+-1$/, '-999-1')]
      return [
        ...foreign.map((customId) => ({ ...first, customId, text: 'foreign' })),
        ...outcomes.map((outcome) => ({ ...outcome, text: 'first' })),
        ...outcomes.map((outcome) => ({ ...outcome, text: 'second' })),
      ]
    })
    await world.runJob()
    expect(new Set(await column(world, 'llm_response'))).toEqual(new Set(['first']))
    const counts = world.logged.filter(({ event }) => event === 'UnexpectedResults').map(({ fields: { unknown, repeated } }) => ({ unknown, repeated }))
    expect(counts).toEqual([{ unknown: 4, repeated: 6 }, { unknown: 4, repeated: 4 }])
  })

  it('keeps a row without any answer, with the words why', async () => {
    const world = await tenRows()
    answering(world, (outcomes) => outcomes.filter((outcome) => rowOf(outcome) !== 3))
    await world.runJob()
    const rows = await world.rows('b.parquet')
    expect(rows.length).toBe(10)
    expect(rows[3]).toMatchObject({ llm_response: null, llm_status: 'Missing', llm_error: 'the batch completed without a result for this row', llm_prompt_tokens: null })
    expect(rows.filter((row) => row['llm_status'] === 'Succeeded').length).toBe(9)
    expect((await world.simulator.bill()).length, 'asked once').toBe(10)
  })

  it('sends what expired once more and keeps it as Expired if that expires too', async () => {
    const once = await tenRows({ windowSeconds: 3600, rows: { expired: 1 }, unluckyBatches: 2 })
    await once.runJob()
    expect(await column(once, 'llm_status')).toEqual(Array.from({ length: 10 }, () => 'Succeeded'))
    const always = await tenRows({ windowSeconds: 3600, rows: { expired: 1 } })
    await always.runJob()
    expect(new Set(await column(always, 'llm_status'))).toEqual(new Set(['Expired']))
    const bill = await always.simulator.bill()
    expect(bill.length).toBe(20)
    expect(bill.filter(({ billed }) => billed)).toEqual([])
  })

  it('keeps the answers of a batch that somebody cancelled, and says of the rest that it was', async () => {
    const world = await tenRows({ inProgressSeconds: 7200 })
    const plan = await world.plan()
    await world.run('advance', plan)
    const { data } = (await world.simulator.call<{ data: { id: string }[] }>('GET', '/v1/batches')).json()
    expect(data.length).toBe(2)
    for (const { id } of data) await world.simulator.call('POST', `/v1/batches/${id}/cancel`)
    expect((await world.finish(plan, 0)).result).toBe('done')
    await world.run('merge', plan)
    const rows = await world.rows('b.parquet')
    expect(new Set(rows.map((row) => row['llm_status']))).toEqual(new Set(['Cancelled']))
    for (const row of rows) expect(row['llm_error']).toMatch(/./)
  })

  it('takes answers that are larger than memory should hold', async () => {
    const world = await tenRows()
    const size = 3 * 2 ** 20
    answering(world, (outcomes) => outcomes.toReversed().map((outcome) => ({ ...outcome, text: `${rowOf(outcome)}:`.padEnd(size, 'é') })))
    await world.runJob()
    const answers = await column(world, 'llm_response')
    expect(answers.map((answer) => (typeof answer === 'string' ? [answer.slice(0, 3), answer.length] : null))).toEqual(Array.from({ length: 10 }, (_, row) => [`${row}:é`, size]))
    expect(world.storage.openUploads()).toEqual([])
  })
})
