import type { LedgerLease } from '../../crds/generated/lease.ts'
import type { Clock } from '../ports/clock.ts'
import { nonce, type Random } from '../ports/random.ts'
import { writeResolved } from '../storage/durable-write.ts'
import { isStorageError, type Storage } from '../storage/storage.ts'
import { decodeJson, encodeJson } from '../storage/stored-json.ts'
import { Fenced } from './fenced.ts'

type LeasePorts = { readonly storage: Storage; readonly clock: Clock; readonly random: Random }

/** Looks at a lease within one lease time. */
const LOOKS = 4

/**
 * The right to take over a ledger. It keeps two runners from working on one shard, and so from undoing each other's work; that nothing
 * is lost or paid twice rests on the ledger's compare-and-set alone. Other runners take a lease that stayed unchanged for `leaseSeconds` on
 * their own monotonic clock; no wall clocks are compared.
 */
export class Lease {
  readonly #ports: LeasePorts
  readonly #uri: string
  readonly #leaseMs: number
  readonly #holder: string
  #etag: string
  #renewals = 0
  /** When the renewal that took effect last was asked for, by this process's monotonic clock. */
  #confirmed: number
  #lost = false
  #failure: unknown = null
  readonly #stop = new AbortController()
  #renewing: Promise<void> = Promise.resolve()

  private constructor(ports: LeasePorts, uri: string, leaseMs: number, holder: string, etag: string, confirmed: number) {
    this.#ports = ports
    this.#uri = uri
    this.#leaseMs = leaseMs
    this.#holder = holder
    this.#etag = etag
    this.#confirmed = confirmed
  }

  /** Takes the lease, if need be after watching its holder for `leaseSeconds`; null when the holder lives. Renews it until `release`. */
  static async acquire(ports: LeasePorts, uri: string, leaseSeconds: number): Promise<Lease | null> {
    const { storage, clock } = ports
    const holder = nonce(ports.random)
    const leaseMs = leaseSeconds * 1000
    let watched: { etag: string; since: number } | undefined
    for (;;) {
      const current = await storage.get(uri)
      if (current !== null && !decodeJson<LedgerLease>(uri, current.bytes).released) {
        const now = clock.monotonic()
        if (watched !== undefined && watched.etag !== current.etag) return null
        watched ??= { etag: current.etag, since: now }
        if (now - watched.since < leaseMs) {
          await clock.sleep(leaseMs / LOOKS)
          continue
        }
      }
      const asked = clock.monotonic()
      const written = await writeResolved(storage, clock, uri, encodeLease(holder, 0, false), current === null ? { ifNoneMatch: '*' } : { ifMatch: current.etag })
      if (written.kind === 'Lost') return null
      const lease = new Lease(ports, uri, leaseMs, holder, written.etag, asked)
      lease.#renewing = lease.#renew().catch((error: unknown) => {
        lease.#failure = error
        lease.#lost = true
      })
      return lease
    }
  }

  /**
   * Asked before each call that costs money. While the lease may have run out, because a renewal is slow or this process was stopped, it waits:
   * a renewal tells whether others took it. Throws Fenced when they did or may have, or what made renewal fail.
   */
  async confirmHeld(): Promise<void> {
    const { clock } = this.#ports
    for (;;) {
      if (this.#failure !== null) throw this.#failure
      if (this.#lost) throw new Fenced()
      if (clock.monotonic() - this.#confirmed < this.#leaseMs) return
      await clock.sleep(this.#leaseMs / LOOKS)
    }
  }

  /** Ends renewal and lets the next runner in at once. */
  async release(): Promise<void> {
    this.#stop.abort()
    await this.#renewing
    if (this.#lost) return
    await writeResolved(this.#ports.storage, this.#ports.clock, this.#uri, encodeLease(this.#holder, this.#renewals + 1, true), { ifMatch: this.#etag })
  }

  async #renew(): Promise<void> {
    const { clock } = this.#ports
    for (;;) {
      try {
        await clock.sleep(this.#leaseMs / 3, this.#stop.signal)
      } catch (error) {
        if (this.#stop.signal.aborted) return
        throw error
      }
      const asked = clock.monotonic()
      const renewed = await this.#renewOnce()
      if (renewed === 'Lost') this.#lost = true
      if (this.#lost) return
      if (renewed === 'Renewed') this.#confirmed = asked
      else if (clock.monotonic() - this.#confirmed >= this.#leaseMs) this.#lost = true
    }
  }

  async #renewOnce(): Promise<'Renewed' | 'Lost' | 'Unknown'> {
    const { storage, clock } = this.#ports
    try {
      const written = await writeResolved(storage, clock, this.#uri, encodeLease(this.#holder, this.#renewals + 1, false), { ifMatch: this.#etag })
      if (written.kind === 'Lost') return 'Lost'
      this.#etag = written.etag
      this.#renewals++
      return 'Renewed'
    } catch (error) {
      // Storage that is away for a moment may be back before others take the lease.
      if (isStorageError(error, 'Unclear', 'Unavailable')) return 'Unknown'
      throw error
    }
  }
}

function encodeLease(holder: string, renewals: number, released: boolean): Uint8Array {
  const lease: LedgerLease = { schemaVersion: 1, holder, renewals, released }
  return encodeJson(lease)
}
