import type { Batch } from 'openai/resources/batches'
import { describe, expect, it } from 'vitest'
import { answerTo } from './answer.ts'
import { chatRow, VirtualProvider } from './virtual-provider.ts'

const HOUR = 3_600_000
const SLOW = { validatingSeconds: 60, inProgressSeconds: 3600, finalizingSeconds: 30, cancellingSeconds: 10 }

const rows = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => chatRow(`row-${from + index}`, `What is ${from + index}?`))

describe('a batch', () => {
  it('goes from validating to completed as time passes, with the answers of its rows in another order', async () => {
    const provider = new VirtualProvider(SLOW)
    const created = await provider.submit(rows(200))
    const seen: Batch['status'][] = []
    for (const step of [0, 59_000, 1000, 1_800_000, 1_800_000, 30_000]) {
      provider.now += step
      seen.push((await provider.batch(created.id)).status)
    }
    expect(seen).toEqual(['validating', 'validating', 'in_progress', 'in_progress', 'finalizing', 'completed'])
    const batch = await provider.batch(created.id)
    const start = 1_700_000_000
    expect(batch).toMatchObject({
      model: 'gpt-5-mini',
      created_at: start,
      in_progress_at: start + 60,
      finalizing_at: start + 3660,
      completed_at: start + 3690,
      expires_at: start + 86_400,
      request_counts: { total: 200, completed: 200, failed: 0 },
    })
    expect(batch).not.toHaveProperty('error_file_id')
    const lines = await provider.lines(batch.output_file_id)
    const ids = lines.map((line) => (typeof line === 'object' && line !== null && 'custom_id' in line ? String(line.custom_id) : ''))
    const inOrder = Array.from({ length: 200 }, (_, index) => `row-${index}`)
    expect(ids).not.toEqual(inOrder)
    expect(ids.toSorted()).toEqual(inOrder.toSorted())
    const body = { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'What is 7?' }] }
    const answer = answerTo(body)
    expect(lines).toContainEqual(
      expect.objectContaining({
        custom_id: 'row-7',
        error: null,
        response: expect.objectContaining({
          status_code: 200,
          body: expect.objectContaining({
            choices: [expect.objectContaining({ finish_reason: 'stop', message: { role: 'assistant', content: answer.content, refusal: null } })],
            usage: expect.objectContaining({ prompt_tokens: answer.inputTokens, completion_tokens: answer.outputTokens }),
          }),
        }),
      }),
    )
  })

  it('shows how far it is', async () => {
    const provider = new VirtualProvider(SLOW)
    const { id } = await provider.submit(rows(100))
    provider.now += 60_000 + 900_000
    expect((await provider.batch(id)).request_counts).toEqual({ total: 100, completed: 25, failed: 0 })
  })

  it('can be completed before it shows its files', async () => {
    const provider = new VirtualProvider({ outputFileLagSeconds: 5 })
    const { id } = await provider.submit(rows(3))
    provider.now += 3000
    expect(await provider.batch(id)).toMatchObject({ status: 'completed' })
    expect(await provider.batch(id)).not.toHaveProperty('output_file_id')
    provider.now += 5000
    expect(await provider.batch(id)).toHaveProperty('output_file_id')
  })

  it('puts rows that fail into the error file, and bills the answered ones only', async () => {
    const rates = { serverError: 0.2, invalidRequest: 0.2, refused: 0.2, truncated: 0.2 }
    const provider = new VirtualProvider({ rows: rates })
    const { id } = await provider.submit(rows(300))
    provider.now += 10_000
    const batch = await provider.batch(id)
    const text = async (file: string | undefined): Promise<string> => (await provider.lines(file)).map((line) => JSON.stringify(line)).join('\n')
    const [output, errors] = [await text(batch.output_file_id), await text(batch.error_file_id)]
    expect(output).toContain('"refusal":"I')
    expect(output).toContain('"finish_reason":"length"')
    expect(errors).toContain('"status_code":500')
    expect(errors).toContain('"status_code":400')
    const bill = await provider.bill()
    expect(bill).toHaveLength(300)
    const billed = bill.filter((line) => line.billed)
    expect(billed).toHaveLength(batch.request_counts?.completed ?? -1)
    expect(bill.filter((line) => !line.billed).every((line) => line.outcome === 'failed' && line.cost === '0')).toBe(true)
    expect(batch.usage?.output_tokens).toBe(billed.reduce((sum, line) => sum + line.outputTokens, 0))
  })

  it('has no output file when no row was answered', async () => {
    const provider = new VirtualProvider({ rows: { serverError: 1 } })
    const { id } = await provider.submit(rows(5))
    provider.now += 10_000
    const batch = await provider.batch(id)
    expect(batch).toMatchObject({ status: 'completed', request_counts: { total: 5, completed: 0, failed: 5 } })
    expect(batch).not.toHaveProperty('output_file_id')
    expect(await provider.lines(batch.error_file_id)).toHaveLength(5)
  })

  it('expires with the answers it has, and the rest in the error file', async () => {
    const provider = new VirtualProvider({ ...SLOW, rows: { expired: 0.5 } })
    const { id } = await provider.submit(rows(100))
    provider.now += 23 * HOUR
    expect(await provider.batch(id)).toMatchObject({ status: 'in_progress' })
    provider.now += 2 * HOUR
    const batch = await provider.batch(id)
    expect(batch).toMatchObject({ status: 'expired', expired_at: 1_700_000_000 + 86_400 + 30 })
    const errors = await provider.lines(batch.error_file_id)
    const bill = await provider.bill()
    expect(errors.length).toBeGreaterThan(20)
    expect(errors[0]).toMatchObject({ response: null, error: { code: 'batch_expired' } })
    expect(bill.filter((line) => line.outcome === 'expired' && !line.billed)).toHaveLength(errors.length)
    expect(bill.filter((line) => line.billed)).toHaveLength(100 - errors.length)
  })

  it('expires in the middle when its window is shorter than its work', async () => {
    const provider = new VirtualProvider({ ...SLOW, windowSeconds: 60 + 1800 })
    const { id } = await provider.submit(rows(100))
    provider.now += 2 * HOUR
    expect(await provider.batch(id)).toMatchObject({ status: 'expired', request_counts: { total: 100, completed: 50, failed: 50 } })
  })

  it('lets only the first batches be unlucky when told so', async () => {
    const provider = new VirtualProvider({ rows: { serverError: 1 }, unluckyBatches: 1 })
    const [first, second] = [await provider.submit(rows(2)), await provider.submit(rows(2))]
    provider.now += 10_000
    expect((await provider.batch(first.id)).request_counts).toMatchObject({ failed: 2 })
    expect((await provider.batch(second.id)).request_counts).toMatchObject({ failed: 0 })
  })
})

describe('a cancel', () => {
  it('keeps and bills what was executed, and gives the rest back', async () => {
    const provider = new VirtualProvider(SLOW)
    const { id } = await provider.submit(rows(100))
    provider.now += 60_000 + 900_000
    const cancelling = await provider.call<Batch>('POST', `/v1/batches/${id}/cancel`)
    expect(cancelling.json()).toMatchObject({ status: 'cancelling', cancelling_at: 1_700_000_960 })
    expect(await provider.bill()).toEqual([])
    provider.now += 10_000
    const batch = await provider.batch(id)
    expect(batch).toMatchObject({ status: 'cancelled', request_counts: { total: 100, completed: 25, failed: 75 } })
    expect((await provider.lines(batch.error_file_id))[0]).toMatchObject({ error: { code: 'batch_cancelled' } })
    const bill = await provider.bill()
    expect(bill.filter((line) => line.billed)).toHaveLength(25)
    expect(bill.filter((line) => line.outcome === 'cancelled')).toHaveLength(75)
  })

  it('before validation ends leaves nothing to bill', async () => {
    const provider = new VirtualProvider(SLOW)
    const { id } = await provider.submit(rows(10))
    await provider.call('POST', `/v1/batches/${id}/cancel`)
    provider.now += HOUR
    expect(await provider.batch(id)).toMatchObject({ status: 'cancelled', request_counts: { total: 0 } })
    expect(await provider.bill()).toEqual([])
  })

  it('that comes while finalizing changes no row, and after the end is refused', async () => {
    const provider = new VirtualProvider(SLOW)
    const { id } = await provider.submit(rows(10))
    provider.now += 60_000 + HOUR + 1000
    await provider.call('POST', `/v1/batches/${id}/cancel`)
    provider.now += HOUR
    expect(await provider.batch(id)).toMatchObject({ status: 'cancelled', request_counts: { completed: 10, failed: 0 } })
    expect(await provider.call('POST', `/v1/batches/${id}/cancel`)).toMatchObject({ status: 409 })
    expect((await provider.bill()).filter((line) => line.billed)).toHaveLength(10)
  })
})

describe('validation', () => {
  const long = chatRow('row', 'x')
  it.each([
    ['a line that is no JSON', [chatRow('a', 'x'), '{"custom_id":'], 'invalid_json_line', 2],
    ['a custom_id used twice', [chatRow('a', 'x'), chatRow('b', 'x'), chatRow('a', 'y')], 'duplicate_custom_id', 3],
    ['two models', [chatRow('a', 'x'), chatRow('b', 'x', 'gpt-5')], 'model_mismatch', 2],
    ['another url', [long.replace('/v1/chat/completions', '/v1/embeddings')], 'url_mismatch', 1],
    ['another method', [long.replace('POST', 'GET')], 'invalid_method', 1],
    ['no custom_id', [long.replace('custom_id', 'id')], 'missing_required_parameter', 1],
    ['an empty file', [], 'empty_file', null],
  ])('fails a batch for %s, names it, and bills nothing', async (_what, lines, code, line) => {
    const provider = new VirtualProvider()
    const { id } = await provider.submit(lines)
    expect((await provider.batch(id)).status).toBe('validating')
    provider.now += 10_000
    const batch = await provider.batch(id)
    expect(batch.status).toBe('failed')
    expect(batch.errors?.data?.[0]).toMatchObject({ code, line })
    expect(await provider.bill()).toEqual([])
  })

  it('takes 50,000 requests and no more', async () => {
    const provider = new VirtualProvider()
    const [fits, exceeds] = [await provider.submit(rows(50_000)), await provider.submit(rows(50_001))]
    provider.now += 10_000
    expect(await provider.batch(fits.id)).toMatchObject({ status: 'completed', request_counts: { completed: 50_000 } })
    expect((await provider.batch(exceeds.id)).errors?.data?.[0]?.code).toBe('too_many_tasks')
  })

  it('fails when the input file is deleted before it ends, and not when it is deleted later', async () => {
    const provider = new VirtualProvider(SLOW)
    const [early, late] = [await provider.submit(rows(3)), await provider.submit(rows(3))]
    await provider.call('DELETE', `/v1/files/${early.input_file_id}`)
    provider.now += 61_000
    await provider.call('DELETE', `/v1/files/${late.input_file_id}`)
    provider.now += 2 * HOUR
    expect(await provider.batch(early.id)).toMatchObject({ status: 'failed' })
    expect(await provider.batch(late.id)).toMatchObject({ status: 'completed', request_counts: { completed: 3 } })
  })
})
