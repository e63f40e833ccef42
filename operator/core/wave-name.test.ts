import { assert, constantFrom, integer, property, string, tuple } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { waveName, waveNumber } from './wave-name.ts'

const job = { namespace: 'catalog', name: 'sort-products', uid: '0f6a' }

describe('wave names', () => {
  it('hold job, mode and number', () => {
    expect(waveName(job, 'advance', 12)).toMatch(/^sort-products-[a-z2-7]{8}-advance-12$/)
    expect(waveNumber({ name: waveName(job, 'advance', 12) })).toBe(12)
  })

  it('differ for a job that was deleted and created again', () => {
    expect(waveName({ ...job, uid: '0f6b' }, 'plan', 1)).not.toBe(waveName(job, 'plan', 1))
  })

  it('are DNS labels that leave room for an index, whatever the job is called', () => {
    const names = string({ unit: constantFrom('a', 'z', '0', '-', '.'), minLength: 1, maxLength: 52 }).map((text) => `a${text.slice(1)}`)
    assert(
      property(tuple(names, integer({ min: 1, max: 999_999 })), ([name, number]) => {
        const wave = waveName({ ...job, name }, 'advance', number)
        expect(wave).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/)
        expect(`${wave}-9999`.length).toBeLessThanOrEqual(63)
        expect(waveNumber({ name: wave })).toBe(number)
      }),
    )
  })

  it('of somebody else have the number 0', () => {
    expect(waveNumber({ name: 'backup' })).toBe(0)
  })
})
