import type { Fault } from './behaviour.ts'
import { type CallPattern, matchesCall, parseCallPattern } from './call-pattern.ts'

/** Holds kept at most, ended ones included. */
export const MAX_HOLDS = 1000

export type HoldState = 'waiting' | 'holding' | 'released' | 'dropped'

/** A hold as the control endpoint shows it. */
export interface HoldView {
  readonly id: string
  readonly call: string
  /** Which of these calls, from 1, counted since the hold was set. */
  readonly n: number
  readonly when: 'before' | 'after'
  /** `waiting` for its call, `holding` it, or ended. */
  readonly state: HoldState
}

class Hold {
  readonly id: string
  readonly call: string
  readonly pattern: CallPattern
  readonly n: number
  readonly when: 'before' | 'after'
  state: HoldState = 'waiting'
  seen = 0
  readonly #gate = Promise.withResolvers<'release' | 'drop'>()

  constructor(id: string, call: string, pattern: CallPattern, n: number, when: 'before' | 'after') {
    this.id = id
    this.call = call
    this.pattern = pattern
    this.n = n
    this.when = when
  }

  /** Sits until the hold is ended. */
  wait(): Promise<'release' | 'drop'> {
    this.state = 'holding'
    return this.#gate.promise
  }

  end(how: 'release' | 'drop'): void {
    this.state = how === 'release' ? 'released' : 'dropped'
    this.#gate.resolve(how)
  }

  view(): HoldView {
    return { id: this.id, call: this.call, n: this.n, when: this.when, state: this.state }
  }
}

/** What the script says of one call. */
export interface ScriptedCall {
  /** Waits for holds before the call acts; says whether the connection is to be cut. */
  before(): Promise<'release' | 'drop'>
  after(): Promise<'release' | 'drop'>
  readonly fault: Fault | null
}

/** Counts calls, and finds the holds and faults of each. Kept in memory: it ends with the process. */
export class CallScript {
  readonly #faults: { readonly fault: Fault; readonly pattern: CallPattern; seen: number }[] = []
  readonly #holds = new Map<string, Hold>()
  readonly #counts = new Map<string, number>()

  constructor(faults: readonly Fault[]) {
    for (const fault of faults) {
      const pattern = parseCallPattern(fault.call)
      if (pattern === null) throw new Error(`no call pattern: ${fault.call}`)
      this.#faults.push({ fault, pattern, seen: 0 })
    }
  }

  /** Registers a call; `name` is the endpoint's, ids replaced by `{id}`. */
  visit(method: string, path: string, name: string): ScriptedCall {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    let fault: Fault | null = null
    for (const each of this.#faults) {
      if (!matchesCall(each.pattern, method, path)) continue
      each.seen += 1
      if (each.seen === each.fault.n) fault ??= each.fault
    }
    const holds: Hold[] = []
    for (const hold of this.#holds.values()) {
      if (!matchesCall(hold.pattern, method, path)) continue
      hold.seen += 1
      if (hold.seen === hold.n && hold.state === 'waiting') holds.push(hold)
    }
    const waitAll = async (when: 'before' | 'after'): Promise<'release' | 'drop'> => {
      for (const hold of holds) if (hold.when === when && hold.state === 'waiting' && (await hold.wait()) === 'drop') return 'drop'
      return 'release'
    }
    return { before: () => waitAll('before'), after: () => waitAll('after'), fault }
  }

  /** Sets a hold; null when the call is no pattern or there are too many holds. */
  addHold(call: string, n: number, when: 'before' | 'after'): HoldView | null {
    const pattern = parseCallPattern(call)
    if (pattern === null || this.#holds.size >= MAX_HOLDS) return null
    const hold = new Hold(`hold-${this.#holds.size + 1}`, call, pattern, n, when)
    this.#holds.set(hold.id, hold)
    return hold.view()
  }

  holds(): HoldView[] {
    return [...this.#holds.values()].map((hold) => hold.view())
  }

  /** Ends a hold, whether or not its call has come; null when there is no such hold, as it is when it had ended. */
  endHold(id: string, how: 'release' | 'drop'): HoldView | null {
    const hold = this.#holds.get(id)
    if (hold === undefined) return null
    if (hold.state === 'waiting' || hold.state === 'holding') hold.end(how)
    return hold.view()
  }

  /** Drops every call that is held now: for a server that stops. */
  dropHeld(): void {
    for (const hold of this.#holds.values()) if (hold.state === 'holding') hold.end('drop')
  }

  /** Calls of each endpoint so far. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}
