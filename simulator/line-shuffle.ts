import { randomStream } from './seeded-random.ts'

/** Lines held at most, so the most that a line can overtake. An output line is about 1 KB, so this is a few MB. */
export const SHUFFLE_LINES = 4096

/**
 * Shuffles a stream of lines in bounded memory: each new line takes a random slot and lets out the line that was there.
 * Up to SHUFFLE_LINES lines come out in a fully random order; in longer streams a line can come any distance later than
 * it went in, and at most SHUFFLE_LINES earlier.
 */
export class LineShuffle {
  readonly #random: () => number
  readonly #slots: string[] = []

  /** The order is a pure function of the seed and the number of lines. */
  constructor(seed: string) {
    this.#random = randomStream(seed)
  }

  /** Takes a line in; returns the one that comes out, or null while the slots are filling. */
  push(line: string): string | null {
    if (this.#slots.length < SHUFFLE_LINES) {
      this.#slots.push(line)
      return null
    }
    const slot = Math.floor(this.#random() * SHUFFLE_LINES)
    const out = this.#slots[slot] ?? null
    this.#slots[slot] = line
    return out
  }

  /** Lets out all lines that are left, in random order. */
  drain(): string[] {
    const lines = this.#slots.splice(0)
    for (let last = lines.length - 1; last > 0; last -= 1) {
      const other = Math.floor(this.#random() * (last + 1))
      const [a, b] = [lines[last], lines[other]]
      if (a === undefined || b === undefined) continue
      lines[last] = b
      lines[other] = a
    }
    return lines
  }
}
