/** Most shards of a plan. */
export const SHARDS_MOST = 10_000
/** Most chunks of a shard. */
export const SHARD_CHUNKS_MOST = 500

interface Sized {
  readonly from: number
  readonly to: number
}

/**
 * Packs chunks, in order, into shards of about `shardRows` rows; `shardRows` is doubled until there are at most SHARDS_MOST shards.
 * Packing is no identity of work: another plan may pack the same chunks otherwise.
 */
export function packShards<C extends Sized>(chunks: readonly C[], shardRows: number, shardsMost: number = SHARDS_MOST): { readonly shardRows: number; readonly shards: C[][] } {
  for (let rows = shardRows; ; rows *= 2) {
    const shards = packOnce(chunks, rows)
    // Beyond the largest sum of rows, doubling changes nothing: the limit of chunks per shard decides.
    if (shards.length <= shardsMost || rows > Number.MAX_SAFE_INTEGER / 4) return { shardRows: rows, shards }
  }
}

function packOnce<C extends Sized>(chunks: readonly C[], shardRows: number): C[][] {
  const shards: C[][] = []
  let open: C[] = []
  let rows = 0
  for (const chunk of chunks) {
    const size = chunk.to - chunk.from
    if (open.length > 0 && (rows + size > shardRows || open.length === SHARD_CHUNKS_MOST)) {
      shards.push(open)
      open = []
      rows = 0
    }
    open.push(chunk)
    rows += size
  }
  if (open.length > 0) shards.push(open)
  return shards
}
