import { digestOf, sha256 } from '../../crds/digest.ts'
import type { OutputColumns } from '../formats/output-assembler.ts'
import type { Storage } from '../storage/storage.ts'
import { decodeJson } from '../storage/stored-json.ts'

/** What is known of an output file that this work folder wrote or writes. Kept at `<work>/outputs/<sha256 of its URI>.json`. */
export interface OutputRecord {
  readonly schemaVersion: 1
  readonly target: string
  /** Request digest of the job that wrote it. */
  readonly request: string
  /** What the file holds: input, columns and committed chunks. */
  readonly digest: string
  /** Of the finished file; absent while it is being written. */
  readonly etag?: string
  /** Bytes of the file; known before it appears. */
  readonly size?: number
  /** ETag of an earlier content of the same request, which this one replaces. */
  readonly replaces?: string
}

export function recordUri(work: string, target: string): string {
  return `${work}outputs/${sha256(target)}.json`
}

export async function readOutputRecord(storage: Storage, uri: string): Promise<{ readonly etag: string; readonly record: OutputRecord } | null> {
  const found = await storage.get(uri)
  return found === null ? null : { etag: found.etag, record: decodeJson<OutputRecord>(uri, found.bytes) }
}

/** Names the content of one output file. */
export function outputFileDigest(fileId: string, columns: OutputColumns, partDigests: readonly string[]): string {
  return digestOf({ fileId, columns, parts: partDigests })
}

/** Whether the file at a target was written from this work folder for the same request. */
export async function isOurOutput(storage: Storage, work: string, target: string, request: string, current: { readonly etag: string; readonly size: number }): Promise<boolean> {
  const found = await readOutputRecord(storage, recordUri(work, target))
  return found !== null && found.record.request === request && isRecorded(found.record, current)
}

/** Whether a record is about the file that is there now. */
export function isRecorded(record: OutputRecord, current: { readonly etag: string; readonly size: number }): boolean {
  if (current.etag === record.etag || current.etag === record.replaces) return true
  // Without an ETag, the runner died between the file's appearance and the record: the size was written down before.
  return record.etag === undefined && record.size === current.size
}
