import { describe, expect, it } from 'vitest'
import { systemClock } from './system-clock.ts'
import { systemRandom } from './system-random.ts'
import { nonce } from './random.ts'

describe('systemClock', () => {
  it('tells wall time as milliseconds since 1970 and a monotonic time that does not go back', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(60_000)
    const first = systemClock.monotonic()
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(first)
  })

  it('sleeps, and wakes with the reason of its signal', async () => {
    const before = systemClock.monotonic()
    await systemClock.sleep(20)
    // Timers may fire a fraction of a millisecond early.
    expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(19)
    const stop = new AbortController()
    const sleeping = systemClock.sleep(600_000, stop.signal)
    stop.abort(new Error('stopped'))
    await expect(sleeping).rejects.toThrow('stopped')
    await expect(systemClock.sleep(600_000, stop.signal)).rejects.toThrow('stopped')
  })
})

describe('systemRandom', () => {
  it('gives as many bytes as asked, new ones each time', () => {
    expect(systemRandom.bytes(0)).toHaveLength(0)
    expect(systemRandom.bytes(16)).toHaveLength(16)
    expect(nonce(systemRandom)).toMatch(/^[0-9a-f]{24}$/)
    expect(nonce(systemRandom)).not.toBe(nonce(systemRandom))
  })
})
