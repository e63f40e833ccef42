import { digestOf, sha256, shortDigest } from '../../crds/digest.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import { apiRoot } from '../provider/api-root.ts'

/**
 * What is asked of whom. Two jobs with the same digest share answers. The simulator's address is not part of it, since it changes with
 * every start; nor is anything that does not change the answer (lane, runner, output).
 */
export function requestDigest(spec: Pick<LlmBatchJobSpec, 'request' | 'provider'>): string {
  const { request, provider } = spec
  return digestOf({
    provider: provider.type,
    baseURL: provider.type === 'Simulated' ? null : apiRoot(provider),
    endpoint: 'ChatCompletions',
    model: request.model,
    system: request.system ?? null,
    prompt: request.prompt,
    parameters: request.parameters ?? null,
    edition: request.edition ?? null,
  })
}

/** Names the bytes of an input file: 128 bits, hex. */
export function fileIdOf(etag: string, size: number, footerSha256: string): string {
  return digestOf({ etag, size, footerSha256 }).slice(0, 32)
}

/** Identity of a chunk within one work URI; the key of its object is `<work>/<chunk key>`. */
export function chunkKey(request: string, fileId: string, from: number, to: number): string {
  return `${request}/${fileId}/${from}-${to}`
}

/** Names a ledger by the chunks it is about: 96 bits, hex. */
export function ledgerIdOf(chunkKeys: readonly string[]): string {
  return sha256(chunkKeys.join('\n')).slice(0, 24)
}

/** An attempt at a row: unique over all jobs, at most 64 characters of [A-Za-z0-9_-]. */
export function customIdOf(chunkDigest: string, row: number, attempt: number): string {
  return `${chunkDigest}-${row}-${attempt}`
}

/** The chunk's part of a custom_id: 80 bits, base32. */
export function chunkDigestOf(key: string): string {
  return shortDigest(key)
}

/** Reads a custom_id; null when it is not one of ours. */
export function parseCustomId(text: string): { readonly chunkDigest: string; readonly row: number; readonly attempt: number } | null {
  const match = /^([a-z2-7]{16})-(\d{1,15})-(\d{1,9})$/.exec(text)
  return match === null ? null : { chunkDigest: match[1] ?? '', row: Number(match[2]), attempt: Number(match[3]) }
}
