import { describe, expect, it } from 'vitest'
import { RunDisplay } from './run-display.ts'
import type { RunState } from './run-view.ts'

const STATE: RunState = { job: 'wordnet', elapsedMs: 0, reason: 'Planning', message: 'm', memory: { peak: 0, limit: 1 }, activities: [] }

/** What a terminal shows after these writes: cursor up and erase below are obeyed, other sequences are kept. */
function screen(writes: readonly string[]): string[] {
  let lines: string[] = []
  for (const [, up, text = ''] of writes.join('').matchAll(/(?:\u001b\[(\d+)A\u001b\[0J)?([^\n]*\n)/g)) {
    if (up !== undefined) lines = lines.slice(0, lines.length - Number(up))
    lines.push(text.trimEnd())
  }
  return lines
}

function display(options: { isTTY: boolean; env?: Record<string, string> }, states: RunState[]): { writes: string[]; shown: RunDisplay } {
  const writes: string[] = []
  const stream = { isTTY: options.isTTY, columns: 60, write: (text: string) => writes.push(text) }
  return { writes, shown: new RunDisplay(stream, options.env ?? {}, () => states[0] ?? STATE) }
}

describe('RunDisplay', () => {
  it('redraws in place on a terminal, and keeps notes above', () => {
    const states = [STATE]
    const { writes, shown } = display({ isTTY: true, env: { NO_COLOR: '1' } }, states)
    shown.refresh()
    shown.note('warning: x')
    states[0] = { ...STATE, reason: 'Advancing', elapsedMs: 3_000 }
    shown.refresh()
    expect(screen(writes)).toEqual(['warning: x', 'wordnet: Advancing  0:03', 'now     m'])
  })

  it('uses colour on a terminal only, and never with NO_COLOR', () => {
    const sgr = /\u001b\[\d+m/
    for (const [options, coloured] of [[{ isTTY: true }, true], [{ isTTY: true, env: { NO_COLOR: '1' } }, false], [{ isTTY: false }, false]] as const) {
      const { writes, shown } = display(options, [STATE])
      shown.refresh()
      expect(sgr.test(writes.join(''))).toBe(coloured)
    }
  })

  it('prints a line only when something changes where there is no terminal', () => {
    const states = [STATE]
    const { writes, shown } = display({ isTTY: false }, states)
    shown.refresh()
    shown.refresh()
    states[0] = { ...STATE, reason: 'Advancing', elapsedMs: 3_000 }
    shown.refresh()
    expect(writes).toEqual(['0:00 Planning\n', '0:03 Advancing\n'])
  })

  it('looks again and again until it is closed, and then once more', async () => {
    const states = [STATE]
    const { writes, shown } = display({ isTTY: false }, states)
    let ticks = 0
    const ticked = Promise.withResolvers<void>()
    shown.start({
      sleep: (_ms, signal) => {
        states[0] = { ...STATE, reason: `Phase${++ticks}` }
        if (ticks < 3) return Promise.resolve()
        ticked.resolve()
        return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('stopped')), { once: true }))
      },
    })
    await ticked.promise
    await shown.close()
    expect(writes).toEqual(['0:00 Planning\n', '0:00 Phase1\n', '0:00 Phase2\n', '0:00 Phase3\n'])
  })
})
