import { describe, expect, it } from 'vitest'
import { FILES, runScenario, stepsOf } from './run-scenario.ts'
import type { Fault } from './sim-process.ts'
import { SeededRandom } from './seeded-random.ts'
import type { Scenario } from './world.ts'

describe('a job under kills', () => {
  for (const what of ['KillProcess', 'KillRun'] as const) {
    for (const when of ['before', 'after'] as const) {
      it(`${what} ${when} every I/O call: nothing is lost or paid twice`, { timeout: 600_000 }, async () => {
        const scenario: Scenario = { seed: 'kill', files: FILES, faults: [] }
        const steps = await stepsOf(scenario)
        expect(steps).toBeGreaterThan(100)
        for (let step = 1; step <= steps; step++) await runScenario({ ...scenario, faults: [{ step, when, what }] })
      })
    }
  }

  it('a runner stopped at any call for longer than its lease does no harm when it goes on', { timeout: 600_000 }, async () => {
    const scenario: Scenario = { seed: 'pause', files: FILES, faults: [], runs: 2 }
    const steps = await stepsOf(scenario)
    // Every other step, before or after it by turns: two runs at once take twice the steps.
    for (let step = 1; step <= steps; step += 2) await runScenario({ ...scenario, faults: [{ step, when: step % 4 === 1 ? 'before' : 'after', what: { pauseMs: 20_000 } }] })
  })

  it('a kill at a call, and another at a call of the recovery, with one chunk', { timeout: 600_000 }, async () => {
    const scenario: Scenario = { seed: 'pairs', files: ['b.parquet'], faults: [] }
    const steps = await stepsOf(scenario)
    for (let first = 1; first <= steps; first += 2) {
      for (let second = first + 1; second <= first + 90; second += 5) {
        // Between them the strides meet every distance, and kills before as well as after a call.
        const when = (first + second) % 4 < 2 ? 'before' : 'after'
        await runScenario({ ...scenario, faults: [{ step: first, when: 'after', what: 'KillProcess' }, { step: second + (first % 5), when, what: 'KillRun' }] })
      }
    }
  })

  it('a kill while the store is probed, at a call here and there, with two runs at once', { timeout: 600_000 }, async () => {
    const scenario: Scenario = { seed: 'probe', files: ['b.parquet'], faults: [], runs: 2, unprobed: true }
    for (let step = 20; step <= 900; step += 80) {
      const world = await runScenario({ ...scenario, faults: [{ step, when: step % 160 === 20 ? 'before' : 'after', what: 'KillRun' }] })
      expect(await world.storage.head('memory://bucket/work/probe-passed')).not.toBeNull()
    }
  })

  it('several kills and pauses at random, with one or two runs', { timeout: 600_000 }, async () => {
    for (let seed = 0; seed < Number(process.env['SEEDS'] ?? '200'); seed++) {
      const random = new SeededRandom(`schedule ${seed}`)
      const faults = Array.from({ length: random.integer(1, 6) }, (): Fault => ({
        step: random.integer(1, 600),
        when: random.next() < 0.5 ? 'before' : 'after',
        what: random.next() < 0.3 ? 'KillRun' : random.next() < 0.5 ? 'KillProcess' : { pauseMs: random.integer(100, 30_000) },
      }))
      await runScenario({ seed: `random ${seed}`, files: FILES, faults, runs: random.integer(1, 2), shardRows: random.integer(8, 40) })
    }
  })
})
