import fc from 'fast-check'
import type { LedgerBatch } from '../../../crds/generated/ledger.ts'
import { IntervalSet } from '../../../crds/interval-set.ts'
import type { AttemptRows, ReadBatch } from '../row-sets.ts'

/** Rows of the model, in chunks of CHUNK. */
export const ROWS = 12
const CHUNK = 4

/** One thing that happens to a shard. `pick` and `set` choose among what there is. */
export type Happening =
  | { readonly kind: 'Submit'; readonly set: number }
  | { readonly kind: 'Void'; readonly pick: number }
  | { readonly kind: 'Harvest'; readonly pick: number; readonly set: number }
  | { readonly kind: 'Commit' }

export const happenings = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('Submit' as const), set: fc.nat(2 ** ROWS - 1) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('Void' as const), pick: fc.nat() }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('Harvest' as const), pick: fc.nat(), set: fc.nat(2 ** ROWS - 1) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('Commit' as const) }) },
  ),
  { maxLength: 40 },
)

interface Row {
  state: 'Sendable' | 'Open' | 'Final' | 'Committed'
  /** Of the last attempt, or of the next one when sendable. */
  attempt: number
  retries: number
}

const has = (set: number, row: number): boolean => ((set >> row) & 1) === 1
const OPEN = ['Intended', 'Uploaded', 'Created'] as const

/** What is known of each row by itself, and the batches that a ledger would hold. */
export class AttemptModel {
  readonly rows: Row[] = Array.from({ length: ROWS }, () => ({ state: 'Sendable', attempt: 1, retries: 0 }))
  batches: ReadBatch[] = []
  #made = 0

  apply(happening: Happening): void {
    switch (happening.kind) {
      case 'Submit':
        this.#submit(happening.set)
        break
      case 'Void':
        this.#settle(happening.pick, 'Void', 0)
        break
      case 'Harvest':
        this.#settle(happening.pick, 'Harvested', happening.set)
        break
      case 'Commit':
        for (let from = 0; from < ROWS; from += CHUNK) {
          const chunk = this.rows.slice(from, from + CHUNK)
          if (chunk.every((row) => row.state === 'Final')) for (const row of chunk) row.state = 'Committed'
        }
        break
    }
  }

  /** Rows whose chunk is not committed. */
  get owned(): IntervalSet {
    return this.#where((row) => row.state !== 'Committed')
  }

  get committed(): IntervalSet {
    return this.#where((row) => row.state === 'Committed')
  }

  /** Owned rows that have their final outcome. */
  get final(): IntervalSet {
    return this.#where((row) => row.state === 'Final')
  }

  /** `row: attempt/retries` of each row that may be sent. */
  get sendable(): string[] {
    return this.rows.flatMap(({ state, attempt, retries }, row) => (state === 'Sendable' ? [`${row}: ${attempt}/${retries}`] : []))
  }

  #where(test: (row: Row) => boolean): IntervalSet {
    return IntervalSet.of(this.rows.flatMap((row, index) => (test(row) ? [index] : [])))
  }

  #submit(set: number): void {
    const groups = new Map<string, number[]>()
    this.rows.forEach((row, index) => {
      if (row.state !== 'Sendable' || !has(set, index)) return
      const key = `${row.attempt}/${row.retries}`
      groups.set(key, [...(groups.get(key) ?? []), index])
      row.state = 'Open'
    })
    const members = [...groups].map(([key, rows]): AttemptRows => {
      const [attempt, retries] = key.split('/').map(Number)
      return { attempt: attempt ?? 0, retries: retries ?? 0, rows: IntervalSet.of(rows) }
    })
    if (members.length === 0) return
    const state = OPEN[this.#made % OPEN.length] ?? 'Created'
    const batch: LedgerBatch = { identity: `b${this.#made++}`, epoch: 1, state, members: [], requests: 1, bytes: 1, sha256: '', account: '' }
    this.batches.push({ batch, members, again: [] })
  }

  #settle(pick: number, state: 'Void' | 'Harvested', set: number): void {
    const open = this.batches.filter(({ batch }) => OPEN.some((each) => each === batch.state))
    const settled = open[pick % Math.max(1, open.length)]
    if (settled === undefined) return
    const again: AttemptRows[] = []
    for (const group of settled.members) {
      const rows = IntervalSet.of([...group.rows].filter((index) => has(set, index)))
      if (!rows.isEmpty) again.push({ ...group, rows })
      for (const index of group.rows) this.#end(index, state, rows.has(index))
    }
    this.batches = this.batches.map((read) => (read === settled ? { ...read, again, batch: { ...read.batch, state } } : read))
  }

  #end(index: number, state: 'Void' | 'Harvested', again: boolean): void {
    const row = this.rows[index]
    if (row === undefined) return
    row.state = state === 'Void' || again ? 'Sendable' : 'Final'
    if (row.state === 'Sendable') row.attempt++
    if (again) row.retries++
  }
}

/** Pools as the model lists them. */
export function listed(pools: readonly AttemptRows[]): string[] {
  return pools.flatMap(({ attempt, retries, rows }) => [...rows].map((row) => ({ row, text: `${row}: ${attempt}/${retries}` })))
    .sort((a, b) => a.row - b.row)
    .map(({ text }) => text)
}
