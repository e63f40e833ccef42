import type { Clock } from '../operator/clock.ts'
import { plainLine, progressLines, type PlainMark, type RunState } from './run-view.ts'
import { fit } from './text-format.ts'

/** Time between two looks at the state, milliseconds. */
const REDRAW_MS = 250
/** Longest note, in columns. */
const NOTE_WIDTH = 500
/** Columns of a terminal that does not tell. */
const DEFAULT_WIDTH = 80

/** Where the display is written: a terminal's stream, or any other. */
export interface DisplayStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Shows a run while it goes on: redrawn in place on a terminal, lines on change elsewhere. */
export class RunDisplay {
  readonly #stream: DisplayStream
  readonly #colour: boolean
  readonly #stop = new AbortController()
  readonly #state: () => RunState
  #loop: Promise<void> = Promise.resolve()
  /** Lines of the last drawing, to be replaced. */
  #drawn = 0
  #last: PlainMark | null = null

  constructor(stream: DisplayStream, env: Readonly<Record<string, string | undefined>>, state: () => RunState) {
    this.#stream = stream
    this.#state = state
    this.#colour = stream.isTTY === true && (env['NO_COLOR'] ?? '') === ''
  }

  start(clock: Pick<Clock, 'sleep'>): void {
    this.#loop = this.#run(clock)
  }

  /** Draws a last time and leaves that standing. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#loop
    this.refresh()
    this.#drawn = 0
  }

  /** Prints a line above the display. */
  note(line: string): void {
    this.#erase()
    this.#stream.write(`${fit(line, NOTE_WIDTH)}\n`)
    if (this.#stream.isTTY === true) this.refresh()
  }

  refresh(): void {
    const state = this.#state()
    if (this.#stream.isTTY !== true) {
      const next = plainLine(state, this.#last)
      if (next === null) return
      this.#last = next.mark
      this.#stream.write(`${next.line}\n`)
      return
    }
    // One column is left free: some terminals wrap a line that fills the last one.
    const lines = progressLines(state, (this.#stream.columns ?? DEFAULT_WIDTH) - 1)
    const [head = '', ...rest] = lines
    this.#erase()
    this.#stream.write(`${[this.#colour ? `\u001b[1m${head}\u001b[0m` : head, ...rest].join('\n')}\n`)
    this.#drawn = lines.length
  }

  #erase(): void {
    if (this.#drawn > 0) this.#stream.write(`\u001b[${this.#drawn}A\u001b[0J`)
    this.#drawn = 0
  }

  async #run(clock: Pick<Clock, 'sleep'>): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      this.refresh()
      try {
        await clock.sleep(REDRAW_MS, signal)
      } catch (error) {
        if (!signal.aborted) throw error
      }
    }
  }
}
