import { readFileSync } from 'node:fs'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { expect } from 'vitest'
import { answerTo } from '../../simulator/answer.ts'
import type { World } from './world.ts'

type Row = Readonly<Record<string, unknown>>

/** Reads a Parquet file with a reader that shares no code with the runner. */
async function readRows(bytes: Uint8Array): Promise<Row[]> {
  const copy = new Uint8Array(bytes)
  return (await parquetReadObjects({ file: copy.buffer, compressors })) as Row[]
}

/** What the provider must answer a row: computed from the row by the job's words, not by the runner's code. */
function expectedAnswer(row: Row): string {
  const content = `Title: ${typeof row['title'] === 'string' ? row['title'] : ''} (${String(row['id'])})`
  const body = { model: 'simulated-1', max_completion_tokens: 200, messages: [{ role: 'system', content: 'Answer.' }, { role: 'user', content }] }
  return answerTo(body).content
}

/** Every input row once, in order, unchanged, with the answer to its own words. */
export async function expectOutputRight(world: World, files: readonly string[]): Promise<number> {
  let count = 0
  for (const file of files) {
    const output = await world.storage.get(`memory://bucket/out/${file}`)
    if (output === null) throw new Error(`output ${file} is missing`)
    const before = await readRows(readFileSync(new URL(`testdata/${file}`, import.meta.url)))
    const after = await readRows(output.bytes)
    expect(after.map(({ id, title }) => ({ id, title }))).toEqual(before)
    expect(after.map((row) => row['llm_response'])).toEqual(before.map(expectedAnswer))
    expect(after.every((row) => row['llm_status'] === 'Succeeded' && row['llm_error'] === null)).toBe(true)
    count += before.length
  }
  return count
}

/** The provider's bill holds each row once, no attempt twice, and nothing is left open. */
export async function expectBilledOnce(world: World, rows: number): Promise<void> {
  const bill = await world.bill()
  const billed = bill.filter((line) => line.billed).map((line) => line.customId.split('-').slice(0, 2).join('-'))
  expect(new Set(bill.map((line) => line.customId)).size, 'attempts are unique').toBe(bill.length)
  expect(new Set(billed).size, 'rows that were billed').toBe(rows)
  expect(billed.length, 'billed lines').toBe(rows)
  const state = await world.providerState()
  expect(state.batches.open, 'open batches').toBe(0)
  expect(world.storage.openUploads(), 'unfinished uploads').toEqual([])
}
