import { describe, expect, it } from 'vitest'
import { DEFAULT_BEHAVIOUR, parseBehaviour } from './behaviour.ts'

describe('parseBehaviour', () => {
  it('fills in what is not said', () => {
    expect(parseBehaviour({})).toEqual(DEFAULT_BEHAVIOUR)
    expect(parseBehaviour({ seed: 3, inProgressSeconds: 7200, rows: { refused: 0.5 }, faults: [{ call: 'GET /v1/files/{id}', status: 503 }] })).toEqual({
      ...DEFAULT_BEHAVIOUR,
      seed: '3',
      inProgressSeconds: 7200,
      rows: { ...DEFAULT_BEHAVIOUR.rows, refused: 0.5 },
      faults: [{ call: 'GET /v1/files/{id}', n: 1, when: 'before', status: 503, lateSeconds: null }],
    })
  })

  it.each([
    [[], 'the behaviour'],
    [{ sed: 1 }, 'sed'],
    [{ inProgressSeconds: -1 }, 'inProgressSeconds'],
    [{ inProgressSeconds: [2, 1] }, 'inProgressSeconds'],
    [{ windowSeconds: '24h' }, 'windowSeconds'],
    [{ rows: { refused: 0.6, expired: 0.6 } }, 'rows'],
    [{ rows: { lost: 0.1 } }, 'lost'],
    [{ unluckyBatches: 0.5 }, 'unluckyBatches'],
    [{ apiKeys: { key: 'two words' } }, 'apiKeys.key'],
    [{ faults: [{ call: 'batches' }] }, 'faults[0].call'],
    [{ faults: [{ call: 'POST /v1/batches', n: 0 }] }, 'faults[0].n'],
    [{ faults: [{ call: 'POST /v1/files', lateSeconds: 3 }] }, 'faults[0].lateSeconds'],
    [{ faults: [{ call: 'POST /v1/files', status: 200 }] }, 'faults[0].status'],
  ])('refuses %j and names %s', (behaviour, field) => {
    expect(() => parseBehaviour(behaviour)).toThrow(field)
  })
})
