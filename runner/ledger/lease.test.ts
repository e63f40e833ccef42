import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../../test/sim/virtual-time.ts'
import type { LedgerLease } from '../../crds/generated/lease.ts'
import type { Clock } from '../ports/clock.ts'
import { retryingStorage } from '../storage/retrying-storage.ts'
import { decodeJson } from '../storage/stored-json.ts'
import { FaultyStorage, type WriteFault } from '../storage/testdata/faulty-storage.ts'
import { Fenced } from './fenced.ts'
import { Lease } from './lease.ts'
import { testPorts } from './testdata/test-ports.ts'

const URI = 'memory://work/leases/1.json'
const SECONDS = 30

interface SimRunner {
  readonly ports: Parameters<typeof Lease.acquire>[0]
  readonly stop: () => void
  readonly goOn: () => void
}

/** Runners over one storage in one virtual time. A runner that is stopped makes no step until it goes on. */
function world(): { readonly time: VirtualTime; readonly storage: FaultyStorage; readonly runner: (seed: string) => SimRunner } {
  const time = new VirtualTime(0)
  const storage = new FaultyStorage()
  return {
    time,
    storage,
    runner: (seed) => {
      let gate = Promise.withResolvers<void>()
      gate.resolve()
      const clock: Clock = {
        now: () => time.now(),
        monotonic: () => time.now(),
        sleep: async (ms, signal) => {
          await time.sleep(ms, signal)
          await gate.promise
        },
      }
      return {
        ports: { storage, clock, random: testPorts(seed).random },
        stop: () => {
          gate = Promise.withResolvers<void>()
        },
        goOn: () => gate.resolve(),
      }
    },
  }
}

async function stored(storage: FaultyStorage): Promise<LedgerLease> {
  const found = await storage.get(URI)
  if (found === null) throw new Error('there is no lease')
  return decodeJson<LedgerLease>(URI, found.bytes)
}

function held(lease: Lease | null): Lease {
  if (lease === null) throw new Error('the lease was not given')
  return lease
}

describe('a lease', () => {
  it('is given at once when nobody has it, and after it was released', async () => {
    const { time, storage, runner } = world()
    await time.runUntilDone((async () => {
      const first = held(await Lease.acquire(runner('a').ports, URI, SECONDS))
      await first.confirmHeld()
      await first.release()
      expect(await stored(storage)).toMatchObject({ released: true })
      const second = held(await Lease.acquire(runner('b').ports, URI, SECONDS))
      expect(time.now()).toBe(0)
      await second.release()
    })(), 1_000)
  })

  it('is refused while its holder renews it, however long that takes', async () => {
    const { time, runner } = world()
    await time.runUntilDone((async () => {
      const first = held(await Lease.acquire(runner('a').ports, URI, SECONDS))
      for (let i = 0; i < 20; i++) expect(await Lease.acquire(runner(`b${i}`).ports, URI, SECONDS)).toBeNull()
      await first.confirmHeld()
      await first.release()
    })(), 20 * SECONDS * 1000)
  })

  it('is taken over when it stayed unchanged for leaseSeconds, not before; the stopped holder then notices', async () => {
    const { time, runner } = world()
    await time.runUntilDone((async () => {
      const stopped = runner('a')
      const first = held(await Lease.acquire(stopped.ports, URI, SECONDS))
      stopped.stop()
      const second = held(await Lease.acquire(runner('b').ports, URI, SECONDS))
      expect(time.now()).toBeGreaterThanOrEqual(SECONDS * 1000)
      expect(time.now()).toBeLessThan(SECONDS * 1500)
      stopped.goOn()
      await time.sleep(SECONDS * 1000)
      await expect(first.confirmHeld()).rejects.toThrow(Fenced)
      await second.confirmHeld()
      await first.release()
      await second.confirmHeld()
      await second.release()
    })(), 10 * SECONDS * 1000)
  })

  it('goes to one of several who wait for it', async () => {
    const { time, runner } = world()
    await time.runUntilDone((async () => {
      const stopped = runner('a')
      held(await Lease.acquire(stopped.ports, URI, SECONDS))
      stopped.stop()
      const leases = await Promise.all(['b', 'c', 'd'].map((seed) => Lease.acquire(runner(seed).ports, URI, SECONDS)))
      const winners = leases.filter((lease) => lease !== null)
      expect(winners.length).toBe(1)
      for (const winner of winners) await winner.release()
      stopped.goOn()
    })(), 10 * SECONDS * 1000)
  })

  it('survives storage that is away for less than leaseSeconds, and answers that get lost', async () => {
    const { time, storage, runner } = world()
    await time.runUntilDone((async () => {
      const lease = held(await Lease.acquire(runner('a').ports, URI, SECONDS))
      storage.faults.push('Unavailable', 'Unavailable', 'AppliedUnclear', 'LostUnclear')
      await time.sleep(5 * SECONDS * 1000)
      await lease.confirmHeld()
      await lease.release()
      expect(await stored(storage)).toMatchObject({ released: true })
    })(), 10 * SECONDS * 1000)
  })

  for (const taken of [false, true]) {
    it(`is not relied on while its renewal hangs longer than leaseSeconds: ${taken ? 'it was taken, which stops the holder' : 'nobody took it, so the holder goes on'}`, async () => {
      const { time, storage, runner } = world()
      await time.runUntilDone((async () => {
        const { ports } = runner('a')
        const lease = held(await Lease.acquire({ ...ports, storage: retryingStorage(storage, ports) }, URI, 1))
        storage.faults.push(...Array.from({ length: 8 }, (): WriteFault => 'Unavailable'))
        await time.sleep(1_200)
        const asked = time.now()
        const confirmed = lease.confirmHeld()
        if (taken) {
          // By another way to the store, on which nothing fails.
          await storage.memory.put(URI, Buffer.from('{"schemaVersion":1,"holder":"b","renewals":0,"released":false}'), { unconditional: true })
          await expect(confirmed).rejects.toThrow(Fenced)
        } else {
          await confirmed
        }
        expect(time.now()).toBeGreaterThan(asked + 1_000)
        await lease.release()
      })(), 120_000)
    })
  }

  it('counts from when its renewal was asked for, not from when the answer came', async () => {
    const { time, storage, runner } = world()
    await time.runUntilDone((async () => {
      const { ports } = runner('a')
      const lease = held(await Lease.acquire({ ...ports, storage: retryingStorage(storage, ports) }, URI, 1))
      storage.faults.push('AppliedUnclear')
      storage.faultsOfCalls.set('get', Array.from({ length: 8 }, () => 'Unavailable'))
      await time.sleep(1_200)
      await lease.confirmHeld()
      // Acquired, renewed long ago, renewed.
      expect(storage.writes.length).toBe(3)
      await lease.release()
    })(), 120_000)
  })

  it('counts as lost when storage is away for leaseSeconds: others may hold it by then', async () => {
    const { time, storage, runner } = world()
    await time.runUntilDone((async () => {
      const lease = held(await Lease.acquire(runner('a').ports, URI, SECONDS))
      storage.faults.push(...Array.from({ length: 100 }, (): WriteFault => 'Unavailable'))
      await time.sleep(2 * SECONDS * 1000)
      await expect(lease.confirmHeld()).rejects.toThrow(Fenced)
      await lease.release()
    })(), 10 * SECONDS * 1000)
  })

  it('tells what made renewal fail, and rejects nothing that nobody awaits', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => {
      unhandled.push(reason)
    }
    process.on('unhandledRejection', note)
    try {
      const { time, storage, runner } = world()
      await time.runUntilDone((async () => {
        const lease = held(await Lease.acquire(runner('a').ports, URI, SECONDS))
        await storage.put(URI, Buffer.from('{}'), { unconditional: true })
        await time.sleep(SECONDS * 1000)
        await expect(lease.confirmHeld()).rejects.toThrow(Fenced)
        await lease.release()

        const failing = runner('b')
        const { clock } = failing.ports
        let broken = false
        const sleep: Clock['sleep'] = (ms, signal) => (broken ? Promise.reject(new TypeError('the clock broke')) : clock.sleep(ms, signal))
        const other = held(await Lease.acquire({ ...failing.ports, clock: { ...clock, sleep } }, `${URI}.other`, SECONDS))
        broken = true
        await time.sleep(SECONDS * 1000)
        await expect(other.confirmHeld()).rejects.toThrow('the clock broke')
        await other.release()
      })(), 10 * SECONDS * 1000)
      await new Promise((resolve) => setImmediate(resolve))
    } finally {
      process.off('unhandledRejection', note)
    }
    expect(unhandled).toEqual([])
  })
})
