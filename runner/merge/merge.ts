import { digestOf } from '../../crds/digest.ts'
import { LlmbatchError } from '../../crds/errors.ts'
import type { ChunkCommit } from '../../crds/generated/chunk.ts'
import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import type { PlanChunk } from '../../crds/generated/plan-shard.ts'
import { IntervalSet } from '../../crds/interval-set.ts'
import { batchCost } from '../../crds/money.ts'
import { encodeWireSet } from '../../crds/wire-set.ts'
import { workUri } from '../../crds/work-uri.ts'
import { readChunk } from '../ledger/chunk-claim.ts'
import { addTotals, NO_TOTALS } from '../ledger/totals.ts'
import type { RunMode } from '../mode.ts'
import { chunkKey } from '../plan/identities.ts'
import { keyOfChunk, PlanReader } from '../plan/plan-object.ts'
import { mapAhead, OneAtATime, REQUESTS_AHEAD } from '../storage/map-ahead.ts'
import type { Storage } from '../storage/storage.ts'
import { outputFileDigest } from './output-record.ts'
import { writeOutput } from './write-output.ts'

/** Output files that are written side by side. */
const OUTPUTS_AHEAD = 8
/** Those over this size are written one at a time, bytes: each holds up to one upload part. */
const LARGE_OUTPUT = 1024 * 1024

/** Commits by chunk key. Memory: about 500 bytes a chunk of 10,000 rows. */
type Commits = ReadonlyMap<string, ChunkCommit>

/**
 * Joins each input file with its committed chunks. Refuses with `Incomplete` and the shards that are not done. Outputs that are there with the same
 * content are left alone, so that a second merge writes nothing.
 */
export const merge: RunMode = async (parts, input) => {
  if (input.plan === undefined) throw new LlmbatchError('InternalError', 'merge needs LLMBATCH_PLAN')
  const { storage } = parts.ports
  const { spec } = input
  const work = workUri(spec)
  const reader = await PlanReader.open(storage, input.plan)
  const header = await reader.header()
  const { commits, byFile, incomplete } = await readCommits(storage, work, header, reader)
  if (!incomplete.isEmpty) {
    const wake = encodeWireSet(incomplete, 'superset')
    return { schemaVersion: 1, mode: 'merge', result: 'failed', reason: 'Incomplete', message: `${incomplete.size} of ${header.totals.shards} shards are not done`, wake }
  }
  const columns = spec.output.columns.names
  const largeOutputs = new OneAtATime()
  const write = async (file: PlanHeader['inputs'][number]): Promise<string> => {
    const chunkParts = (byFile.get(file.fileId) ?? []).map(({ from, to }) => {
      const commit = commits.get(chunkKey(header.requestDigest, file.fileId, from, to))
      if (commit === undefined) throw new LlmbatchError('InternalError', `chunk ${from}-${to} of ${file.uri} has no commit`)
      return { from, to, ...commit.part }
    })
    const digest = outputFileDigest(file.fileId, columns, chunkParts.map((part) => part.sha256))
    const begin = async (): Promise<void> => {
      parts.report({ mode: 'merge', activity: `writing ${file.name}` })
      await writeOutput(parts, { work, target: spec.output.uri + file.name, request: header.requestDigest, digest, ifExists: spec.output.ifExists, file, columns, chunkParts })
    }
    const size = chunkParts.reduce((sum, part) => sum + part.size, file.size)
    await (size > LARGE_OUTPUT ? largeOutputs.run(begin) : begin())
    return digest
  }
  const digests: string[] = []
  for await (const digest of mapAhead(header.inputs, OUTPUTS_AHEAD, write)) digests.push(digest)
  const totals = [...commits.values()].reduce((sum, commit) => addTotals(sum, commit.totals), NO_TOTALS)
  const tokens = { input: totals.inputTokens, output: totals.outputTokens }
  return {
    schemaVersion: 1,
    mode: 'merge',
    result: 'done',
    rows: { total: header.totals.rows, succeeded: totals.succeeded, failed: totals.failed },
    tokens,
    cost: batchCost(tokens, header.price),
    output: {
      uri: spec.output.uri,
      files: header.inputs.length,
      rows: header.inputs.reduce((sum, file) => sum + file.rows, 0),
      digest: digestOf({ plan: header.digest, columns, files: digests }),
    },
  }
}

async function readCommits(
  storage: Storage,
  work: string,
  header: PlanHeader,
  reader: PlanReader,
): Promise<{ readonly commits: Commits; readonly byFile: ReadonlyMap<string, PlanChunk[]>; readonly incomplete: IntervalSet }> {
  const commits = new Map<string, ChunkCommit>()
  const byFile = new Map<string, PlanChunk[]>()
  const incomplete = new Set<number>()
  const read = mapAhead(allChunks(reader), REQUESTS_AHEAD, async ({ shard, chunk }) => {
    const key = keyOfChunk(header, chunk)
    return { shard, chunk, key, commit: (await readChunk(storage, work + key))?.chunk.committed }
  })
  for await (const { shard, chunk, key, commit } of read) {
    if (commit === undefined) {
      incomplete.add(shard)
      continue
    }
    commits.set(key, commit)
    const fileId = header.inputs[chunk.file]?.fileId ?? ''
    const list = byFile.get(fileId) ?? []
    list.push(chunk)
    byFile.set(fileId, list)
  }
  return { commits, byFile, incomplete: IntervalSet.of([...incomplete]) }
}

async function* allChunks(reader: PlanReader): AsyncGenerator<{ readonly shard: number; readonly chunk: PlanChunk }> {
  for await (const { shard, chunks } of reader.allShards()) for (const chunk of chunks) yield { shard, chunk }
}
