import { describe, expect, it } from 'vitest'
import { MAX_BATCH_BYTES, MAX_BATCH_ERRORS, validateBatch } from './batch-validation.ts'
import { DEFAULT_BEHAVIOUR } from './behaviour.ts'
import type { BatchRecord } from './records.ts'
import { chatRow } from './virtual-provider.ts'

const BATCH: BatchRecord = {
  kind: 'batch',
  id: 'batch_1',
  sequence: 1,
  organization: 'org',
  createdAtMs: 0,
  inputFileId: 'file-1',
  endpoint: '/v1/chat/completions',
  metadata: null,
  outputExpiresSeconds: 3600,
  plan: { validatingMs: 0, inProgressMs: 0, finalizingMs: 0, cancellingMs: 0, windowMs: 0, outputFileLagMs: 0, rows: DEFAULT_BEHAVIOUR.rows, seed: 's' },
  cancelledAtMs: null,
  validation: null,
  result: null,
}

async function* text(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content)
}

describe('validateBatch', () => {
  it('takes 200 MB and no more', async () => {
    expect(await validateBatch(BATCH, MAX_BATCH_BYTES, text(chatRow('a', 'x')))).toMatchObject({ valid: true, total: 1 })
    expect(await validateBatch(BATCH, MAX_BATCH_BYTES + 1, text(chatRow('a', 'x')))).toMatchObject({ valid: false, errors: [{ code: 'file_too_large' }] })
  })

  it('takes a file whose last line has no newline, and none with a blank line inside', async () => {
    expect(await validateBatch(BATCH, 1, text(`${chatRow('a', 'x')}\n${chatRow('b', 'x')}`))).toMatchObject({ valid: true, total: 2 })
    expect(await validateBatch(BATCH, 1, text(`${chatRow('a', 'x')}\n\n${chatRow('b', 'x')}\n`))).toMatchObject({ valid: false, errors: [{ line: 2 }] })
  })

  it('refuses a line that is not UTF-8', async () => {
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(`${chatRow('a', 'x')}\n${chatRow('b', '§')}\n`, 'latin1')
    }
    expect(await validateBatch(BATCH, 1, bytes())).toMatchObject({ valid: false, errors: [{ code: 'invalid_json_line', line: 2 }] })
  })

  it('names the first hundred faults', async () => {
    const validation = await validateBatch(BATCH, 1, text('no json\n'.repeat(300)))
    expect(validation.valid ? [] : validation.errors).toHaveLength(MAX_BATCH_ERRORS)
  })
})
