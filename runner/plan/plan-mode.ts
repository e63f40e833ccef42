import { LlmbatchError } from '../../crds/errors.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import type { PlanChunk, PlanShard } from '../../crds/generated/plan-shard.ts'
import { workUri } from '../../crds/work-uri.ts'
import type { SourceFooter } from '../formats/row-source.ts'
import { isOurOutput } from '../merge/output-record.ts'
import type { Parts, RunMode } from '../mode.ts'
import { priceOf } from '../provider/limits.ts'
import { surveyShards } from '../scout/survey.ts'
import { writeResolved } from '../storage/durable-write.ts'
import type { ObjectInfo, Storage } from '../storage/storage.ts'
import { checkColumns } from './columns.ts'
import { cutChunks, type Cut } from './cut.ts'
import { fileIdOf, requestDigest } from './identities.ts'
import { parseInputPattern, type InputPattern } from './input-pattern.ts'
import { packShards } from './pack.ts'
import { encodePlan, ledgerIdOfChunks, planDigest, type PlanRef } from './plan-object.ts'
import { compileTemplate, distinctColumns } from './prompt-template.ts'

type PlanInput = PlanHeader['inputs'][number]

/** An input file as the planner sees it. */
interface PlannedFile {
  readonly input: PlanInput
  readonly footer: SourceFooter
}

/**
 * Plans a job: lists the input, reads the footers (never the data), checks columns and outputs, cuts chunks, packs shards and writes the plan
 * under its digest. Nothing is spent before every check has passed. Ends with the shards that are done already.
 */
export const plan: RunMode = async (parts, input) => {
  const { spec } = input
  const { storage, clock } = parts.ports
  const work = workUri(spec)
  const request = requestDigest(spec)
  const files = await planFiles(parts, spec, work, request)
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

async function planFiles(parts: Parts, spec: LlmBatchJobSpec, work: string, request: string): Promise<PlannedFile[]> {
  const { storage } = parts.ports
  const pattern = parseInputPattern(spec.input.uri)
  for (const [field, folder] of [['spec.output.uri', spec.output.uri], ['spec.work.uri', work]] as const) {
    if (folder.startsWith(pattern.prefix) && pattern.matches(`${folder}x.parquet`)) {
      throw new LlmbatchError('OutputInsideInput', `${field}: ${folder} lies where spec.input.uri ${spec.input.uri} matches`)
    }
  }
  const { columns } = distinctColumns(compileTemplate(spec.request.prompt))
  const files: PlannedFile[] = []
  for await (const info of listInputs(storage, spec.input.uri, pattern)) {
    parts.report({ mode: 'plan', activity: `reading footer ${files.length + 1}` })
    const name = info.uri.slice(pattern.prefix.length)
    const target = spec.output.uri + name
    // Written there, the output would replace an input, or be one of the next run.
    if (pattern.matches(target)) throw new LlmbatchError('OutputInsideInput', `spec.output.uri: the output ${target} lies where spec.input.uri ${spec.input.uri} matches`)
    const footer = await parts.source.inspect(info)
    checkColumns(info.uri, footer, columns)
    await parts.assembler.check(info, spec.output.columns.names)
    await checkTarget(parts, spec, work, request, target)
    files.push({ footer, input: { uri: info.uri, name, fileId: fileIdOf(info.etag, info.size, footer.footerSha256), etag: info.etag, size: info.size, rows: footer.rows } })
  }
  const [first] = files
  if (first === undefined) throw new LlmbatchError('InputNotFound', `spec.input.uri: nothing matches ${spec.input.uri}`)
  await checkWritable(storage, spec.output.uri + first.input.name)
  return files
}

async function* listInputs(storage: Storage, uri: string, { prefix, matches }: InputPattern): AsyncGenerator<ObjectInfo> {
  if (!uri.includes('*')) {
    const info = await storage.head(uri)
    if (info !== null) yield info
    return
  }
  for await (const info of storage.list(prefix)) if (matches(info.uri)) yield info
}

/** Begins and drops an upload of an output that is not there yet: who cannot write it must learn so before anything is spent. */
async function checkWritable(storage: Storage, target: string): Promise<void> {
  if ((await storage.head(target)) !== null) return
  await storage.abortUpload(target, await storage.beginUpload(target))
}

async function checkTarget(parts: Parts, spec: LlmBatchJobSpec, work: string, request: string, target: string): Promise<void> {
  const current = await parts.ports.storage.head(target)
  if (current === null || spec.output.ifExists === 'Overwrite') return
  if (!(await isOurOutput(parts.ports.storage, work, target, request, current))) throw new LlmbatchError('OutputExists', `${target} exists and was not written by this job`)
}

/** The plan of these files: a pure function. A file that stands under two names is planned once and has two outputs. */
function makePlan(spec: LlmBatchJobSpec, request: string, files: readonly PlannedFile[], cut: Cut): { readonly header: PlanHeader; readonly shards: PlanShard[] } {
  const seen = new Set<string>()
  const chunks: PlanChunk[] = []
  files.forEach(({ input, footer }, file) => {
    if (seen.has(input.fileId)) return
    seen.add(input.fileId)
    for (const { from, to } of cutChunks(footer.rowGroupRows, cut)) chunks.push({ file, from, to })
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
