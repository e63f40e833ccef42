import type { Batch } from 'openai/resources/batches'
import { describe, expect, it } from 'vitest'
import { ConnectionCut } from './api-error.ts'
import { chatRow, VirtualProvider } from './virtual-provider.ts'

const rows = (count: number): string[] => Array.from({ length: count }, (_, index) => chatRow(`row-${index}`, `What is ${index}?`))

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(0)
}

describe('scripted faults', () => {
  it('fail the named call only, before or after it acted', async () => {
    const provider = new VirtualProvider({
      faults: [
        { call: 'POST /v1/batches', n: 1, status: 429 },
        { call: 'POST /v1/batches', n: 2, when: 'after' },
        { call: 'POST /v1/batches', n: 3 },
      ],
    })
    const file = (await provider.upload(rows(1))).json()
    const created = async (): Promise<number> => (await provider.state()).batches.created
    expect(await provider.createBatch(file.id)).toMatchObject({ status: 429 })
    expect(await created()).toBe(0)
    await expect(provider.createBatch(file.id)).rejects.toThrow(ConnectionCut)
    expect(await created()).toBe(1)
    await expect(provider.createBatch(file.id)).rejects.toThrow(ConnectionCut)
    expect(await created()).toBe(1)
    expect(await provider.createBatch(file.id)).toMatchObject({ status: 200 })
  })

  it('cut a file in its middle', async () => {
    const provider = new VirtualProvider({ faults: [{ call: 'GET /v1/files/{id}/content', when: 'after' }] })
    const file = (await provider.upload(rows(50))).json()
    const headers = { authorization: 'Bearer sk' }
    const response = await provider.simulator.handle({ method: 'GET', path: `/v1/files/${file.id}/content`, headers, body: nothing() })
    let bytes = 0
    const read = async (): Promise<void> => {
      if (typeof response.body === 'string') return
      for await (const piece of response.body) bytes += piece.byteLength
    }
    await expect(read()).rejects.toThrow(ConnectionCut)
    expect(bytes).toBe(Math.floor(file.bytes / 2))
  })

  it('let a create take effect after its client died, unless the file is gone by then', async () => {
    const late = { call: 'POST /v1/batches', lateSeconds: 120 }
    const provider = new VirtualProvider({ faults: [{ ...late, n: 1 }, { ...late, n: 2 }] })
    const [kept, fenced] = [(await provider.upload(rows(2))).json(), (await provider.upload(rows(2))).json()]
    await expect(provider.createBatch(kept.id)).rejects.toThrow(ConnectionCut)
    await expect(provider.createBatch(fenced.id)).rejects.toThrow(ConnectionCut)
    provider.now += 119_000
    expect((await provider.state()).batches.created).toBe(0)
    await provider.call('DELETE', `/v1/files/${fenced.id}`)
    provider.now += 60_000
    const { data } = (await provider.call<{ data: Batch[] }>('GET', '/v1/batches')).json()
    expect(data).toMatchObject([{ input_file_id: kept.id, created_at: 1_700_000_120, status: 'completed' }])
    expect((await provider.state()).lateCreates).toEqual({ pending: 0, accepted: 1, refused: 1 })
    expect(await provider.bill()).toHaveLength(2)
  })
})

describe('holds', () => {
  const settled = async (promise: Promise<unknown>): Promise<boolean> => {
    let isSettled = false
    promise.then(
      () => (isSettled = true),
      () => (isSettled = true),
    )
    await new Promise((resolve) => setImmediate(resolve))
    return isSettled
  }

  it.each(['before', 'after'] as const)('keep a call %s it acts, until they are released', async (when) => {
    const provider = new VirtualProvider()
    const file = (await provider.upload(rows(1))).json()
    const hold = await provider.hold('POST /v1/batches', when)
    expect(hold.state).toBe('waiting')
    const answer = provider.createBatch(file.id)
    expect(await settled(answer)).toBe(false)
    expect(await provider.holdState(hold.id)).toBe('holding')
    expect((await provider.state()).batches.created).toBe(when === 'before' ? 0 : 1)
    await provider.endHold(hold.id, 'release')
    expect(await answer).toMatchObject({ status: 200 })
    expect(await provider.holdState(hold.id)).toBe('released')
    expect((await provider.state()).batches.created).toBe(1)
  })

  it.each([
    ['before', 0],
    ['after', 1],
  ] as const)('drop a call %s it acts', async (when, created) => {
    const provider = new VirtualProvider()
    const file = (await provider.upload(rows(1))).json()
    const hold = await provider.hold('POST /v1/batches', when)
    const answer = provider.createBatch(file.id)
    const refused = expect(answer).rejects.toThrow(ConnectionCut)
    expect(await settled(answer)).toBe(false)
    await provider.endHold(hold.id, 'drop')
    await refused
    expect((await provider.state()).batches.created).toBe(created)
  })

  it('count calls from when they are set, and let other calls pass', async () => {
    const provider = new VirtualProvider()
    await provider.call('GET', '/v1/batches')
    const hold = await provider.hold('GET /v1/files/{id}', 'before', 2)
    const file = (await provider.upload(rows(1))).json()
    expect(await provider.call('GET', `/v1/files/${file.id}`)).toMatchObject({ status: 200 })
    expect(await provider.call('GET', `/v1/files/${file.id}/content`)).toMatchObject({ status: 200 })
    const second = provider.call('GET', `/v1/files/${file.id}`)
    expect(await settled(second)).toBe(false)
    await provider.endHold(hold.id, 'release')
    expect(await second).toMatchObject({ status: 200 })
    expect(await provider.call('GET', `/v1/files/${file.id}`)).toMatchObject({ status: 200 })
  })

  it('that are released before their call comes hold nothing', async () => {
    const provider = new VirtualProvider()
    const hold = await provider.hold('GET /v1/batches', 'before')
    await provider.endHold(hold.id, 'release')
    expect(await provider.call('GET', '/v1/batches')).toMatchObject({ status: 200 })
  })

  it('refuse what is no call', async () => {
    const provider = new VirtualProvider()
    expect(await provider.call('POST', '/simulator/holds', { call: '/v1/batches' })).toMatchObject({ status: 400 })
    expect(await provider.call('POST', '/simulator/holds', { call: 'POST /v1/batches', n: 0 })).toMatchObject({ status: 400 })
    expect(await provider.call('POST', '/simulator/holds/hold-9/release')).toMatchObject({ status: 404 })
  })
})
