import { describe, expect, it } from 'vitest'
import type { Member, Wave } from '../cluster.ts'
import { decide } from './decide.ts'
import { doneOutcome, next, NOW, observed, plannedStatus, said, SPEC, wave } from './testdata/example.ts'

const started = (actions: ReturnType<typeof decide>): string[] =>
  actions.flatMap((action) => (action.kind === 'startWave' ? [`${action.wave.mode} ${action.wave.set.toString()} x${action.wave.parallelism}`] : []))

describe('decide', () => {
  it('starts one wave over all shards that nobody has started', () => {
    expect(started(decide(observed(plannedStatus(40)), NOW))).toEqual(['advance 0-39 x10'])
  })

  it('says the same when it is asked again before the cluster shows the wave', () => {
    expect(decide(observed(plannedStatus(40)), NOW)).toEqual(decide(observed(plannedStatus(40)), NOW + 5))
  })

  it.each<[string, Wave[], string[]]>([
    ['takes only what is in no other wave', [wave('advance', 2, '0-2')], ['advance 3-9 x7']],
    ['takes a member that the cluster does not list for one that has not started', [wave('advance', 2, '0-9')], []],
    ['starts a fourth wave', [wave('advance', 2, '0'), wave('advance', 3, '1'), wave('advance', 4, '2')], ['advance 3-9 x7']],
    ['starts no fifth', [wave('advance', 2, '0'), wave('advance', 3, '1'), wave('advance', 4, '2'), wave('advance', 5, '3')], []],
  ])('%s', (_, waves, expected) => {
    expect(started(decide(observed(next(plannedStatus(10), waves), waves), NOW))).toEqual(expected)
  })

  it('releases recorded members of a wave at work, and removes a wave without work', () => {
    const done = (index: number): Member => said(index, doneOutcome(index))
    const busy = wave('advance', 2, '0-2', [done(0), { index: 1, phase: 'Running' }, { index: 2, phase: 'Released' }])
    expect(decide(observed(next(plannedStatus(3), [busy]), [busy]), NOW)).toContainEqual({ kind: 'release', name: busy.name, indexes: [0] })
    const ended = wave('advance', 2, '0-2', [done(0), done(1), { index: 2, phase: 'Released' }])
    expect(decide(observed(next(plannedStatus(3), [ended]), [ended]), NOW)[0]).toEqual({ kind: 'stopWave', name: ended.name })
  })

  it.each<[string, number | null, number, string]>([
    ['what the user set', null, 20, 'x20'],
    ['the size of the wave', null, 90, 'x40'],
    ['the room in the quota', 3, 20, 'x3'],
    ['nothing without room', 0, 20, 'x0'],
  ])('keeps parallelism to %s', (_, room, parallelism, expected) => {
    const spec = { ...SPEC, runner: { ...SPEC.runner, parallelism } }
    expect(started(decide(observed(plannedStatus(40), [], { room, spec }), NOW))).toEqual([`advance 0-39 ${expected}`])
  })

  it('never goes below what is running for lack of room, and serves later waves first', () => {
    const running = (count: number): Member[] => Array.from({ length: count }, (_, index) => ({ index, phase: 'Running' }))
    const waves = [wave('advance', 2, '0-29', running(6)), wave('advance', 3, '30-39', running(1))]
    const actions = decide(observed(next(plannedStatus(40), waves), waves, { room: 2 }), NOW)
    expect(actions).toEqual([
      { kind: 'setParallelism', name: waves[0]?.name, parallelism: 6 },
      { kind: 'setParallelism', name: waves[1]?.name, parallelism: 3 },
    ])
  })

  it('passes a changed parallelism on', () => {
    const waves = [wave('advance', 2, '0-29')]
    const spec = { ...SPEC, runner: { ...SPEC.runner, parallelism: 25 } }
    expect(decide(observed(next(plannedStatus(30), waves), waves, { spec }), NOW)).toEqual([{ kind: 'setParallelism', name: waves[0]?.name, parallelism: 25 }])
  })
})
