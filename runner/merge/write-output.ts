import { LlmbatchError } from '../../crds/errors.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { ChunkPart, OutputColumns } from '../formats/output-assembler.ts'
import type { SourceFile } from '../formats/row-source.ts'
import type { Parts } from '../mode.ts'
import { Backoff } from '../storage/backoff.ts'
import { writeResolved } from '../storage/durable-write.ts'
import { isStorageError, type WriteCondition } from '../storage/storage.ts'
import { encodeJson } from '../storage/stored-json.ts'
import { isRecorded, readOutputRecord, recordUri, type OutputRecord } from './output-record.ts'

/** Least tries at one output, however long each takes, while other merges of it are under way or the store does not say what came of ours. */
const TRIES = 5

/** One output file: where it goes and what it is made of. */
export interface OutputWrite {
  /** Work URI; ends in `/`. */
  readonly work: string
  readonly target: string
  readonly request: string
  readonly digest: string
  readonly ifExists: LlmBatchJobSpec['output']['ifExists']
  readonly file: SourceFile
  readonly columns: OutputColumns
  readonly chunkParts: readonly ChunkPart[]
}

/**
 * Writes an output file, unless it is there with this content. A file that is not ours is replaced only with `ifExists: Overwrite`, by the ETag seen
 * here. Two merges at once end with one file: the later one finds the earlier one's. Throws OutputExists.
 */
export async function writeOutput(parts: Parts, output: OutputWrite): Promise<void> {
  const waits = new Backoff(parts.ports.clock)
  for (let attempt = 1; ; attempt++) {
    if ((await tryWrite(parts, output)) === 'Written') return
    const mayWait = await waits.wait()
    if (mayWait || attempt < TRIES) continue
    throw new LlmbatchError('StorageUnavailable', `${output.target} could not be written in ${attempt} tries: it was changed meanwhile, or the store did not say whether it was completed`)
  }
}

async function tryWrite(parts: Parts, output: OutputWrite): Promise<'Written' | 'Again'> {
  const { storage } = parts.ports
  const uri = recordUri(output.work, output.target)
  const current = await storage.head(output.target)
  const found = await readOutputRecord(storage, uri)
  const ours = found !== null && current !== null && found.record.request === output.request && isRecorded(found.record, current)
  if (ours && found.record.digest === output.digest && current.etag !== found.record.replaces) return finish(parts, output, current.etag)
  if (current !== null && output.ifExists === 'Fail' && !ours) {
    throw new LlmbatchError('OutputExists', `${output.target} exists and was not written by this job`)
  }
  const condition: WriteCondition = current === null ? { ifNoneMatch: '*' } : { ifMatch: current.etag }
  await updateRecord(parts, output, {})
  const assembled = await parts.assembler.assemble(output.file, output.columns, output.chunkParts, output.target)
  await updateRecord(parts, output, { size: assembled.size })
  try {
    return await finish(parts, output, await storage.completeUpload(output.target, assembled.uploadId, assembled.parts, condition))
  } catch (error) {
    // Another merge was first, or ours took effect and its answer was lost: the next look at the file tells.
    if (!isStorageError(error, 'PreconditionFailed', 'Unclear', 'NotFound')) throw error
    return 'Again'
  }
}

/** Notes the finished file and drops the uploads that are left over: a crash's, or those of merges that came second. */
async function finish(parts: Parts, output: OutputWrite, etag: string): Promise<'Written'> {
  const { storage } = parts.ports
  for (const upload of await storage.listUploads(output.target)) await storage.abortUpload(output.target, upload)
  const found = await readOutputRecord(storage, recordUri(output.work, output.target))
  if (found?.record.etag !== etag) await updateRecord(parts, output, { etag })
  return 'Written'
}

/** Changes the output's record by compare-and-set. */
async function updateRecord(parts: Parts, output: OutputWrite, change: Partial<OutputRecord>): Promise<void> {
  const { storage, clock } = parts.ports
  const uri = recordUri(output.work, output.target)
  for (;;) {
    const found = await readOutputRecord(storage, uri)
    const base = found?.record.digest === output.digest ? found.record : successor(output, found?.record)
    const written = await writeResolved(storage, clock, uri, encodeJson({ ...base, ...change }), found === null ? { ifNoneMatch: '*' } : { ifMatch: found.etag })
    if (written.kind === 'Written') return
  }
}

/** The record of a new content: of an earlier one it keeps the ETag, if it was ours. */
function successor({ target, request, digest }: OutputWrite, before: OutputRecord | undefined): OutputRecord {
  const replaces = before?.request === request ? (before.etag ?? before.replaces) : undefined
  return { schemaVersion: 1, target, request, digest, ...(replaces === undefined ? {} : { replaces }) }
}
