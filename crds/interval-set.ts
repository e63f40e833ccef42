/**
 * An immutable set of integers >= 0 kept as sorted, disjoint, non-adjacent half-open intervals: memory is O(intervals).
 * Its text is that of Job's completedIndexes: "0-4,7" (ends included), "" when empty.
 */
export class IntervalSet {
  static readonly EMPTY = new IntervalSet([])
  /** [from, to) pairs, flattened and ascending. */
  readonly #bounds: readonly number[]

  private constructor(bounds: readonly number[]) {
    this.#bounds = bounds
  }

  /** The integers of [from, to). */
  static range(from: number, to: number): IntervalSet {
    return to > from ? new IntervalSet([from, to]) : IntervalSet.EMPTY
  }

  static of(values: Iterable<number>): IntervalSet {
    const bounds: number[] = []
    for (const value of [...values].sort((a, b) => a - b)) {
      const last = bounds.at(-1)
      if (last !== undefined && value < last) continue
      if (last === value) bounds[bounds.length - 1] = value + 1
      else bounds.push(value, value + 1)
    }
    return new IntervalSet(bounds)
  }

  /** Parses "0-4,7". Throws SyntaxError on anything else, unsorted or overlapping text included. */
  static parse(text: string): IntervalSet {
    if (text === '') return IntervalSet.EMPTY
    const bounds: number[] = []
    for (const item of text.split(',')) {
      const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(item)
      if (match === null) throw new SyntaxError(`not an interval: ${JSON.stringify(item)}`)
      const from = Number(match[1])
      const to = Number(match[2] ?? match[1]) + 1
      const last = bounds.at(-1)
      if (to <= from || (last !== undefined && from < last)) throw new SyntaxError(`intervals must ascend: ${JSON.stringify(text.slice(0, 80))}`)
      if (last === from) bounds[bounds.length - 1] = to
      else bounds.push(from, to)
    }
    return new IntervalSet(bounds)
  }

  toString(): string {
    return this.intervals()
      .map(({ from, to }) => (to === from + 1 ? `${from}` : `${from}-${to - 1}`))
      .join(',')
  }

  /** [from, to) in ascending order. */
  intervals(): { from: number; to: number }[] {
    const out: { from: number; to: number }[] = []
    for (let i = 0; i + 1 < this.#bounds.length; i += 2) out.push({ from: this.#bounds[i] ?? 0, to: this.#bounds[i + 1] ?? 0 })
    return out
  }

  *[Symbol.iterator](): Generator<number> {
    for (const { from, to } of this.intervals()) for (let value = from; value < to; value++) yield value
  }

  get size(): number {
    return this.intervals().reduce((sum, { from, to }) => sum + to - from, 0)
  }

  get isEmpty(): boolean {
    return this.#bounds.length === 0
  }

  has(value: number): boolean {
    return this.#indexOf(value) % 2 === 1
  }

  union(other: IntervalSet): IntervalSet {
    return this.#merge(other, (a, b) => a || b)
  }

  intersect(other: IntervalSet): IntervalSet {
    return this.#merge(other, (a, b) => a && b)
  }

  subtract(other: IntervalSet): IntervalSet {
    return this.#merge(other, (a, b) => a && !b)
  }

  /** Whether every value of other is in this set. */
  containsAll(other: IntervalSet): boolean {
    return other.subtract(this).isEmpty
  }

  equals(other: IntervalSet): boolean {
    return this.#bounds.length === other.#bounds.length && this.#bounds.every((bound, i) => bound === other.#bounds[i])
  }

  /** How many bounds are <= value: odd when value lies inside. */
  #indexOf(value: number): number {
    let low = 0
    let high = this.#bounds.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#bounds[middle] ?? 0) <= value) low = middle + 1
      else high = middle
    }
    return low
  }

  #merge(other: IntervalSet, keep: (inThis: boolean, inOther: boolean) => boolean): IntervalSet {
    const out: number[] = []
    let i = 0
    let j = 0
    let inside = false
    while (i < this.#bounds.length || j < other.#bounds.length) {
      const at = Math.min(this.#bounds[i] ?? Infinity, other.#bounds[j] ?? Infinity)
      if (this.#bounds[i] === at) i++
      if (other.#bounds[j] === at) j++
      const now = keep(i % 2 === 1, j % 2 === 1)
      if (now !== inside) out.push(at)
      inside = now
    }
    return new IntervalSet(out)
  }
}
