/** Small requests that one runner has under way at a time, at most: enough to hide the store's latency, few enough that no store minds. */
export const REQUESTS_AHEAD = 16

/**
 * Maps items in their order, with at most `width` calls of `map` under way or waiting to be taken: that is also the bound of its memory, in results.
 * An error is thrown at its item's turn; calls begun after it are awaited first, so that nothing goes on behind the caller's back.
 */
export async function* mapAhead<T, R>(items: Iterable<T> | AsyncIterable<T>, width: number, map: (item: T) => Promise<R>): AsyncGenerator<R> {
  const pending: Promise<R>[] = []
  try {
    for await (const item of items) {
      const call = map(item)
      // Its error is thrown at its turn; until then it must not count as unhandled.
      call.catch(() => undefined)
      pending.push(call)
      if (pending.length >= width) yield await next(pending)
    }
    while (pending.length > 0) yield await next(pending)
  } finally {
    await Promise.allSettled(pending)
  }
}

async function next<R>(pending: Promise<R>[]): Promise<R> {
  const first = pending.shift()
  if (first === undefined) throw new RangeError('nothing is under way')
  return first
}

/** Runs calls one after the other: those among many that take much memory. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(call: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(call, call)
    this.#last = mine
    return mine
  }
}
