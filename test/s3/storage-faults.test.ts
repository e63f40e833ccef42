import type { Clock } from '../../runner/ports/clock.ts'
import { systemClock } from '../../runner/ports/system-clock.ts'
import { systemRandom } from '../../runner/ports/system-random.ts'
import { describeStorageUnderFaults } from '../../runner/storage/storage-faults-contract.ts'
import { seededFaults, startFaultProxy } from './fault-proxy.ts'
import { storageOf } from './s3-place.ts'
import { startS3Server } from './versitygw.ts'

/** How much faster than the machine's the clock of the retries runs. */
const SPEED = 10
const fastClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * SPEED,
  sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
}

describeStorageUnderFaults('S3 storage', async () => {
  const server = await startS3Server()
  const proxy = await startFaultProxy(server.endpoint, seededFaults({ seed: 'storage', rate: 0.25, latencyMs: 50, lateMs: 500 }))
  return {
    storage: storageOf(server, proxy.endpoint),
    root: `s3://${server.bucket}/`,
    clock: fastClock,
    random: systemRandom,
    rounds: 3,
    faults: () => [...proxy.faults.values()].reduce((sum, count) => sum + count, 0),
    settled: () => proxy.settled(),
    run: (work) => work,
    async cleanup() {
      await proxy.close()
      await server.close()
    },
  }
})
