import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { OUTCOME_BYTES, parseOutcome, readOutcome } from './outcome-file.ts'

const minimal = { schemaVersion: 1, mode: 'scout', result: 'waiting' }
const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))

describe('reading an outcome', () => {
  it('takes what fits the schema', () => {
    expect(parseOutcome(bytes({ ...minimal, nextPollTime: '2026-01-01T00:00:00Z' }))).toEqual({ outcome: { ...minimal, nextPollTime: '2026-01-01T00:00:00Z' } })
  })

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', bytes(''), /not JSON/],
    ['a torn file', bytes('{"schemaVersion":1,'), /not JSON/],
    ['bytes that are no text', Uint8Array.of(0xff, 0xfe), /not JSON/],
    ['a newer schema', bytes({ ...minimal, schemaVersion: 2 }), /schemaVersion/],
    ['a field of ours that is wrong', bytes({ ...minimal, nextPollTime: 'soon' }), /nextPollTime/],
    ['a field that is not ours', bytes({ ...minimal, mood: 'good' }), /additional/],
    ['more than fits a termination message', bytes({ ...minimal, message: 'x'.repeat(OUTCOME_BYTES) }), /4096/],
  ])('does not take %s', (_, content, problem) => {
    expect(parseOutcome(content)).toEqual({ problem: expect.stringMatching(problem) as string })
  })

  it('reads a file, and says so when there is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'llmbatch-outcome-'))
    try {
      await writeFile(join(folder, 'a'), JSON.stringify(minimal))
      expect(await readOutcome(join(folder, 'a'))).toEqual({ outcome: minimal })
      expect(await readOutcome(join(folder, 'b'))).toEqual({ problem: expect.stringMatching(/ENOENT/) as string })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
