import { LlmbatchError } from '../../crds/errors.ts'
import type { Clock } from '../ports/clock.ts'
import { writeResolved } from './durable-write.ts'
import { answerTo, headerOf, undecidable, unsuitable } from './probe-answer.ts'
import { readRange } from './read-range.ts'
import { isStorageError, PART_MINIMUM, type Storage, type UploadedPart, type WriteCondition } from './storage.ts'

interface ProbePorts {
  readonly storage: Storage
  readonly clock: Clock
}

type Conditional = Exclude<WriteCondition, { unconditional: true }>

/** Tries of an upload whose completion is answered unclearly. */
const COMPLETE_TRIES = 20
/** Refusals after which a completion counts as refused: a busy store may refuse a good condition too (409). */
const REFUSALS = 3

/** Checks that a ranged GET returns its range, and is refused when If-Match names a version that was replaced. */
export async function probeReads({ storage, clock }: ProbePorts, prefix: string): Promise<void> {
  const uri = `${prefix}read`
  const [older, newer] = [patterned(1_000, 1), patterned(1_000, 2)]
  const stale = await written({ storage, clock }, uri, older, { ifNoneMatch: '*' })
  const etag = await written({ storage, clock }, uri, newer, { ifMatch: stale })
  const range = await readRange(storage, { uri, etag }, 100, 200)
  if (Buffer.compare(range, newer.subarray(100, 200)) !== 0) {
    throw unsuitable('Range on GetObject', `is not kept: bytes 100-199 of an object of ${newer.length} bytes were answered with ${range.length} bytes that are not they`, uri)
  }
  if (await isHeeded(() => readRange(storage, { uri, etag: stale }, 100, 200))) return
  throw unsuitable('If-Match on GetObject', `is not heeded: a read of the version ${stale} was answered from a later one`, uri)
}

/** Checks that UploadPartCopy copies its range, and is refused when the source's version was replaced. Sends and gets 5 MiB, since S3 copies ranges of larger objects only. */
export async function probeCopy({ storage, clock }: ProbePorts, prefix: string): Promise<void> {
  const source = `${prefix}copy-source`
  const content = patterned(PART_MINIMUM + 1, 3)
  const stale = await written({ storage, clock }, source, patterned(1_000, 4), { ifNoneMatch: '*' })
  const etag = await written({ storage, clock }, source, content, { ifMatch: stale })
  const uri = `${prefix}copy`
  const copy = (uploadId: string, ifMatch: string) => storage.copyPart(uri, uploadId, 1, { uri: source, ifMatch, from: 1, to: content.length })
  const refused = await storage.beginUpload(uri)
  if (!(await isHeeded(() => copy(refused, stale)))) {
    throw unsuitable('x-amz-copy-source-if-match on UploadPartCopy', `is not heeded: a part of the version ${stale} was copied from a later one`, source)
  }
  if (!(await takesEffect(storage, uri, content.subarray(1), (uploadId) => copy(uploadId, etag), { ifNoneMatch: '*' }))) {
    throw unsuitable('If-None-Match: * on CompleteMultipartUpload', 'is refused for an object that does not exist', uri)
  }
}

/** Checks that CompleteMultipartUpload takes effect under the right condition only. */
export async function probeComplete({ storage, clock }: ProbePorts, prefix: string): Promise<void> {
  const uri = `${prefix}complete`
  const stale = await written({ storage, clock }, uri, Buffer.from('first'), { ifNoneMatch: '*' })
  const etag = await written({ storage, clock }, uri, Buffer.from('second'), { ifMatch: stale })
  const completes = (content: string, condition: Conditional) => {
    const bytes = Buffer.from(content)
    return takesEffect(storage, uri, bytes, (uploadId) => storage.uploadPart(uri, uploadId, 1, bytes), condition)
  }
  if (await completes('over an existing object', { ifNoneMatch: '*' })) {
    throw unsuitable('If-None-Match: * on CompleteMultipartUpload', 'is not heeded: an upload replaced an object that existed', uri)
  }
  if (await completes('over another version', { ifMatch: stale })) {
    throw unsuitable('If-Match on CompleteMultipartUpload', `is not heeded: an upload that was to replace the version ${stale} replaced a later one`, uri)
  }
  if (!(await completes('third', { ifMatch: etag }))) throw unsuitable('If-Match on CompleteMultipartUpload', 'is refused for the version that is there', uri)
}

/** Whether an upload of one part gives the object these bytes, under that condition. */
async function takesEffect(storage: Storage, uri: string, bytes: Uint8Array, makePart: (uploadId: string) => Promise<UploadedPart>, condition: Conditional): Promise<boolean> {
  let refusals = 0
  for (let tries = 0; tries < COMPLETE_TRIES; tries++) {
    const uploadId = await storage.beginUpload(uri)
    const part = await makePart(uploadId)
    const answer = await answerTo(() => storage.completeUpload(uri, uploadId, [part], condition))
    const held = await storage.get(uri)
    if (held !== null && Buffer.compare(held.bytes, bytes) === 0) return true
    if (answer === 'Acknowledged') throw unsuitable('GetObject', 'does not show an acknowledged CompleteMultipartUpload right after it', uri)
    if (answer === 'Refused') refusals += 1
    if (refusals === REFUSALS) return false
  }
  throw undecidable(`${headerOf(condition)} on CompleteMultipartUpload`, `${COMPLETE_TRIES} tries`, uri)
}

/** Whether a call is refused because its If-Match does not hold. */
async function isHeeded(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call()
    return false
  } catch (error) {
    if (isStorageError(error, 'PreconditionFailed')) return true
    throw error
  }
}

async function written({ storage, clock }: ProbePorts, uri: string, bytes: Uint8Array, condition: Conditional): Promise<string> {
  const result = await writeResolved(storage, clock, uri, bytes, condition)
  if (result.kind === 'Lost') throw new LlmbatchError('InternalError', `${uri} was written by somebody else, although its name is ours alone`)
  return result.etag
}

/** Bytes that differ from place to place and from seed to seed. */
function patterned(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = i * 31 + (i >> 8) + seed
  return bytes
}
