import { LlmbatchError } from '../../crds/errors.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import type { PlanChunk, PlanShard } from '../../crds/generated/plan-shard.ts'
import { workUri } from '../../crds/work-uri.ts'
import type { Parts, RunMode } from '../mode.ts'
import { priceOf } from '../provider/limits.ts'
import { surveyShards } from '../scout/survey.ts'
import { writeResolved } from '../storage/durable-write.ts'
import { ensureProbed } from '../storage/probe.ts'
import { checkInputs, type PlannedFile } from './check-inputs.ts'
import { cutChunks, type Cut } from './cut.ts'
import { requestDigest } from './identities.ts'
import { asError } from './input-problem.ts'
import { packShards } from './pack.ts'
import { encodePlan, ledgerIdOfChunks, planDigest, type PlanRef } from './plan-object.ts'

/**
 * Plans a job: lists the input, reads the footers (never the data), checks columns and outputs, cuts chunks, packs shards and writes the plan
 * under its digest. Nothing is spent before every check has passed. Ends with the shards that are done already.
 */
export const plan: RunMode = async (parts, input) => {
  const { spec } = input
  const { storage, clock } = parts.ports
  const work = workUri(spec)
  const request = requestDigest(spec)
  const files = await planFiles(parts, spec)
  parts.report({ mode: 'plan', activity: 'probing the store' })
  await ensureProbed(parts.ports, work)
  const { header, shards } = makePlan(spec, request, files, parts.cut)
  const ref: PlanRef = { uri: `${work}plans/${header.digest}`, digest: header.digest }
  // Equal digests are equal bytes, so a plan that is there already is this one; the survey checks it. It may be too large to be read whole.
  if ((await storage.head(ref.uri)) === null) {
    const written = await writeResolved(storage, clock, ref.uri, encodePlan(header, shards), { ifNoneMatch: '*' })
    if (written.kind === 'Lost') throw new LlmbatchError('LedgerLost', `the plan ${ref.uri} is damaged`)
  }
  const report = await surveyShards(storage, work, ref, () => undefined)
  const { files: count, chunks, shards: shardCount, rows } = header.totals
  return { schemaVersion: 1, mode: 'plan', result: 'done', plan: { ...ref, files: count, chunks, shards: shardCount, rows }, ...report }
}

/** Throws the first problem of the inputs, naming how many more there are. */
async function planFiles(parts: Parts, spec: LlmBatchJobSpec): Promise<readonly PlannedFile[]> {
  let footers = 0
  const onFooter = (): void => parts.report({ mode: 'plan', activity: `reading footer ${++footers}` })
  const checked = await checkInputs({ storage: parts.ports.storage, source: parts.source, assembler: parts.assembler, onFooter }, spec)
  const problem = asError(checked)
  if (problem !== null) throw problem
  return checked.files
}

/** The plan of these files: a pure function. A file that stands under two names is planned once and has two outputs. */
function makePlan(spec: LlmBatchJobSpec, request: string, files: readonly PlannedFile[], cut: Cut): { readonly header: PlanHeader; readonly shards: PlanShard[] } {
  const seen = new Set<string>()
  const chunks: PlanChunk[] = []
  files.forEach(({ input, rowGroupRows }, file) => {
    if (seen.has(input.fileId)) return
    seen.add(input.fileId)
    for (const { from, to } of cutChunks(rowGroupRows, cut)) chunks.push({ file, from, to })
  })
  const packed = packShards(chunks, spec.runner.shardRows)
  const body = {
    schemaVersion: 1 as const,
    cutVersion: cut.version,
    shardRows: packed.shardRows,
    requestDigest: request,
    price: priceOf(spec.provider, spec.request.model),
    inputs: files.map(({ input }) => input),
  }
  const shards = packed.shards.map((list, shard): PlanShard => ({ shard, ledger: ledgerIdOfChunks(body, list), chunks: list }))
  const totals = { files: files.length, chunks: chunks.length, shards: shards.length, rows: chunks.reduce((sum, { from, to }) => sum + to - from, 0) }
  return { header: { ...body, digest: planDigest(body, shards), totals }, shards }
}
