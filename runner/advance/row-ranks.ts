import type { IntervalSet } from '../../crds/interval-set.ts'

/** Maps the members of a set to 0, 1, 2 … in ascending order. Lookup is O(log intervals). */
export class RowRanks {
  readonly size: number
  readonly #from: readonly number[]
  readonly #to: readonly number[]
  readonly #rank: readonly number[]

  constructor(rows: IntervalSet) {
    const intervals = rows.intervals()
    this.#from = intervals.map(({ from }) => from)
    this.#to = intervals.map(({ to }) => to)
    let size = 0
    this.#rank = intervals.map(({ from, to }) => {
      const rank = size
      size += to - from
      return rank
    })
    this.size = size
  }

  /** The row's rank; -1 when it is no member. */
  rankOf(row: number): number {
    let low = 0
    let high = this.#from.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#from[middle] ?? 0) <= row) low = middle + 1
      else high = middle
    }
    const at = low - 1
    return at >= 0 && row < (this.#to[at] ?? 0) ? (this.#rank[at] ?? 0) + row - (this.#from[at] ?? 0) : -1
  }
}
