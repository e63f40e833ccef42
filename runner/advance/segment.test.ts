import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IntervalSet } from '../../crds/interval-set.ts'
import { testPorts } from '../ledger/testdata/test-ports.ts'
import { collectItems } from '../storage/collect.ts'
import { writeStreamed } from '../storage/durable-write.ts'
import { RowRanks } from './row-ranks.ts'
import { encodeRecord, encodeSegmentIndex, readSegmentChunk, type SegmentRecord } from './segment.ts'

const URI = 'memory://work/segments/s'
const count = fc.option(fc.nat())
const record = fc.record<SegmentRecord>({
  row: fc.nat(),
  attempt: fc.integer({ min: 1, max: 9 }),
  failure: fc.constantFrom(null, 'Refused', 'Expired'),
  text: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"failure":null,', '\n', '\ud800')),
  promptTokens: count,
  completionTokens: count,
})

async function* segment(chunks: ReadonlyMap<number, readonly SegmentRecord[]>): AsyncGenerator<Uint8Array> {
  const places = new Map<number, readonly [number, number]>()
  let at = 0
  for (const [chunk, records] of chunks) {
    const from = at
    for (const each of records) {
      const line = encodeRecord(each)
      at += line.length
      yield await Promise.resolve(line)
    }
    places.set(chunk, [from, at])
  }
  yield encodeSegmentIndex(places)
}

describe('a harvest segment', () => {
  it('gives back each chunk\'s records, and none of a chunk that it does not hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(record)), async (lists) => {
        const { storage, clock } = testPorts()
        const chunks = new Map(lists.map((records, i) => [3 * i, records]))
        const ref = await writeStreamed(storage, clock, URI, segment(chunks))
        for (const [chunk, records] of chunks) expect(await collectItems(readSegmentChunk(storage, ref, chunk))).toEqual(records)
        expect(await collectItems(readSegmentChunk(storage, ref, 1))).toEqual([])
      }),
    )
  })

  it('that is damaged is LedgerLost', async () => {
    const { storage, clock } = testPorts()
    const ref = await writeStreamed(storage, clock, URI, segment(new Map([[0, [{ row: 0, attempt: 1, failure: null, text: 'x', promptTokens: 1, completionTokens: 1 }]]])))
    const bytes = Buffer.from((await storage.get(URI))?.bytes ?? [])
    bytes[bytes.length - 1] = 0
    const etag = await storage.put(URI, bytes, { unconditional: true })
    await expect(collectItems(readSegmentChunk(storage, { ...ref, etag }, 0))).rejects.toMatchObject({ code: 'LedgerLost', message: `${URI} is damaged` })
  })
})

describe('ranks of rows', () => {
  it('are their places among the members in ascending order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60)), fc.nat(70), (rows, row) => {
        const ranks = new RowRanks(IntervalSet.of(rows))
        expect(ranks.size).toBe(rows.length)
        expect(ranks.rankOf(row)).toBe(rows.toSorted((a, b) => a - b).indexOf(row))
      }),
    )
  })
})
