import { hash } from 'node:crypto'

/** A number in [0, 1) that is a pure function of the text. */
export function fractionOf(text: string): number {
  return Number.parseInt(hash('sha256', text, 'hex').slice(0, 13), 16) / 2 ** 52
}

/** The first `digits` (≤ 64) hex digits of the text's sha256. */
export function hexOf(text: string, digits: number): string {
  return hash('sha256', text, 'hex').slice(0, digits)
}

/** A stream of numbers in [0, 1) that is a pure function of the seed (the mulberry32 generator). */
export function randomStream(seed: string): () => number {
  let state = Number.parseInt(hexOf(seed, 8), 16)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
