import { LlmbatchError } from '../../crds/errors.ts'
import type { Ledger } from '../../crds/generated/ledger.ts'
import type { Clock } from '../ports/clock.ts'
import { nonce, type Random } from '../ports/random.ts'
import { writeResolved } from '../storage/durable-write.ts'
import type { Storage } from '../storage/storage.ts'
import { decodeJson, encodeJson } from '../storage/stored-json.ts'
import { Fenced } from './fenced.ts'
import { NO_TOTALS } from './totals.ts'

/** Largest ledger, in bytes. */
export const LEDGER_LIMIT = 256 * 1024

type LedgerPorts = { readonly storage: Storage; readonly clock: Clock; readonly random: Random }
type LedgerBody = Pick<Ledger, 'chunks' | 'totals' | 'batches'>

/** Where a ledger lies below the work URI. */
export function ledgerUri(work: string, ledger: string): string {
  return `${work}ledgers/${ledger}.json`
}

/** Reads a ledger without taking it over; null when there is none. Throws LedgerLost, VersionSkew. */
export async function readLedger(storage: Storage, uri: string): Promise<Ledger | null> {
  const found = await storage.get(uri)
  return found === null ? null : decodeJson<Ledger>(uri, found.bytes)
}

/**
 * One runner's hold on a ledger: every write is a compare-and-set on the version it read or wrote last. Opening it raises the epoch, which
 * fences every runner that had it open before.
 */
export class LedgerSession {
  readonly #ports: LedgerPorts
  readonly #uri: string
  #etag: string
  #ledger: Ledger

  private constructor(ports: LedgerPorts, uri: string, etag: string, ledger: Ledger) {
    this.#ports = ports
    this.#uri = uri
    this.#etag = etag
    this.#ledger = ledger
  }

  /** Opens or makes the ledger. Throws Fenced when another runner opened it in the same moment. */
  static async open(ports: LedgerPorts, uri: string, identity: Pick<Ledger, 'ledger' | 'plan' | 'shard'>): Promise<LedgerSession> {
    const { storage, clock, random } = ports
    const found = await storage.get(uri)
    const before = found === null ? null : decodeJson<Ledger>(uri, found.bytes)
    const ledger: Ledger = {
      ...(before ?? {
        chunks: { claimed: '', committed: '' },
        totals: NO_TOTALS,
        batches: [],
      }),
      schemaVersion: 1,
      ...identity,
      epoch: (before?.epoch ?? 0) + 1,
      seq: (before?.seq ?? 0) + 1,
      nonce: nonce(random),
    }
    const written = await writeResolved(storage, clock, uri, encodeJson(ledger), found === null ? { ifNoneMatch: '*' } : { ifMatch: found.etag })
    if (written.kind === 'Lost') throw lossOf(uri, written.current)
    return new LedgerSession(ports, uri, written.etag, ledger)
  }

  get ledger(): Ledger {
    return this.#ledger
  }

  /** A key part that no other session, epoch or write uses. */
  uniqueName(): string {
    return `e${this.#ledger.epoch}-s${this.#ledger.seq}-${nonce(this.#ports.random)}`
  }

  /** Writes a changed ledger. Throws Fenced, LedgerLost. */
  async write(change: Partial<LedgerBody>): Promise<void> {
    const next: Ledger = { ...this.#ledger, ...change, seq: this.#ledger.seq + 1, nonce: nonce(this.#ports.random) }
    const bytes = encodeJson(next)
    if (bytes.length > LEDGER_LIMIT) throw new LlmbatchError('InternalError', `the ledger ${this.#uri} would take ${bytes.length} bytes; the limit is ${LEDGER_LIMIT}`)
    const written = await writeResolved(this.#ports.storage, this.#ports.clock, this.#uri, bytes, { ifMatch: this.#etag })
    if (written.kind === 'Lost') throw lossOf(this.#uri, written.current)
    this.#etag = written.etag
    this.#ledger = next
  }
}

function lossOf(uri: string, current: { readonly bytes: Uint8Array } | null): Error {
  if (current === null) return new LlmbatchError('LedgerLost', `the ledger ${uri} is gone`)
  return new Fenced()
}
