/** Another runner took the ledger over: this one must stop at once and touch nothing more. */
export class Fenced extends Error {
  constructor() {
    super('another runner took the shard over')
    this.name = 'Fenced'
  }
}
