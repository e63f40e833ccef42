import type { ChunkCommit, ChunkObject } from '../../crds/generated/chunk.ts'
import { LlmbatchError } from '../../crds/errors.ts'
import type { Clock } from '../ports/clock.ts'
import { nonce, type Random } from '../ports/random.ts'
import { writeResolved } from '../storage/durable-write.ts'
import type { Storage } from '../storage/storage.ts'
import { decodeJson, encodeJson } from '../storage/stored-json.ts'

type ClaimPorts = { readonly storage: Storage; readonly clock: Clock; readonly random: Random }

export type ClaimResult =
  /** Ours now. */
  | { readonly kind: 'Claimed' }
  /** Ours since an earlier write whose ledger entry was not made. */
  | { readonly kind: 'Known' }
  /** Committed, by whomever: its answers are reused. */
  | { readonly kind: 'Committed'; readonly commit: ChunkCommit }
  /** Another ledger works on it. */
  | { readonly kind: 'Elsewhere'; readonly ledger: string }

/** Reads a chunk's object; null when nobody claimed it. */
export async function readChunk(storage: Storage, uri: string): Promise<{ readonly etag: string; readonly chunk: ChunkObject } | null> {
  const found = await storage.get(uri)
  return found === null ? null : { etag: found.etag, chunk: decodeJson<ChunkObject>(uri, found.bytes) }
}

/** Claims a chunk for a ledger, so that it has at most one owner. */
export async function claimChunk(ports: ClaimPorts, uri: string, ledger: string): Promise<ClaimResult> {
  const claim: ChunkObject = { schemaVersion: 1, nonce: nonce(ports.random), ledger }
  const written = await writeResolved(ports.storage, ports.clock, uri, encodeJson(claim), { ifNoneMatch: '*' })
  if (written.kind === 'Written') return { kind: 'Claimed' }
  if (written.current === null) throw new LlmbatchError('LedgerLost', `the chunk ${uri} was there and is gone`)
  const chunk = decodeJson<ChunkObject>(uri, written.current.bytes)
  if (chunk.committed !== undefined) return { kind: 'Committed', commit: chunk.committed }
  return chunk.ledger === ledger ? { kind: 'Known' } : { kind: 'Elsewhere', ledger: chunk.ledger }
}

/**
 * Commits a chunk that the ledger claimed; returns the commit that holds, which is an earlier one if there was one. Throws LedgerLost when
 * the claim is gone or is another's.
 */
export async function commitChunk(ports: ClaimPorts, uri: string, ledger: string, commit: ChunkCommit): Promise<ChunkCommit> {
  const found = await readChunk(ports.storage, uri)
  if (found === null) throw new LlmbatchError('LedgerLost', `the claim ${uri} is gone`)
  if (found.chunk.committed !== undefined) return found.chunk.committed
  if (found.chunk.ledger !== ledger) throw new LlmbatchError('LedgerLost', `the claim ${uri} is another ledger's`)
  const next: ChunkObject = { schemaVersion: 1, nonce: nonce(ports.random), ledger, committed: commit }
  const written = await writeResolved(ports.storage, ports.clock, uri, encodeJson(next), { ifMatch: found.etag })
  if (written.kind === 'Written') return commit
  const current = written.current === null ? undefined : decodeJson<ChunkObject>(uri, written.current.bytes).committed
  if (current === undefined) throw new LlmbatchError('LedgerLost', `the claim ${uri} is gone`)
  return current
}
