/** Callbacks of one kind, called in the order in which they were added. */
export class Listeners<A extends readonly unknown[]> {
  readonly #listeners = new Set<(...args: A) => void>()

  /** Returns the way to remove the listener. */
  add(listener: (...args: A) => void): () => void {
    // Wrapped, so that one function may be added twice.
    const entry = (...args: A): void => listener(...args)
    this.#listeners.add(entry)
    return () => {
      this.#listeners.delete(entry)
    }
  }

  call(...args: A): void {
    for (const listener of this.#listeners) listener(...args)
  }
}
