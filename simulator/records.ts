import type { BatchError, BatchUsage } from 'openai/resources/batches'
import type { FileObject } from 'openai/resources/files'
import type { RowFractions } from './behaviour.ts'

/** What the simulator keeps of a file. The bytes are the store's content of the same name as the id. */
export interface FileRecord {
  readonly kind: 'file'
  readonly id: string
  /** Position in the order of creation over all records. */
  readonly sequence: number
  readonly organization: string
  readonly filename: string
  readonly purpose: FileObject['purpose']
  readonly bytes: number
  /** Milliseconds since 1970, like all times here. A batch's output is not served before it. */
  readonly createdAtMs: number
  readonly expiresAtMs: number | null
  readonly deletedAtMs: number | null
}

/** How long a batch's steps take, in milliseconds, and what becomes of its rows: fixed when the batch is made. */
export interface BatchPlan {
  readonly validatingMs: number
  readonly inProgressMs: number
  readonly finalizingMs: number
  readonly cancellingMs: number
  /** Time from creation to expiry. */
  readonly windowMs: number
  /** Time from the terminal status to the moment when the file ids are shown. */
  readonly outputFileLagMs: number
  readonly rows: RowFractions
  readonly seed: string
}

/** What validation found. */
export type Validation =
  | { readonly valid: false; readonly errors: readonly BatchError[] }
  | {
      readonly valid: true
      readonly model: string
      readonly total: number
      /** Rows that end in an answer if the batch completes. */
      readonly succeeding: number
      /** Rows that are never executed: they keep the batch in progress until its window ends. */
      readonly expiring: number
    }

/** What the batch left when it ended. */
export interface BatchResult {
  /** Absent when it would be empty. */
  readonly outputFileId: string | null
  readonly errorFileId: string | null
  readonly completed: number
  readonly failed: number
  readonly usage: BatchUsage
}

export interface BatchRecord {
  readonly kind: 'batch'
  readonly id: string
  readonly sequence: number
  readonly organization: string
  readonly createdAtMs: number
  readonly inputFileId: string
  readonly endpoint: string
  readonly metadata: Readonly<Record<string, string>> | null
  /** Life of the output and error files, in seconds. */
  readonly outputExpiresSeconds: number
  readonly plan: BatchPlan
  readonly cancelledAtMs: number | null
  /** Null until it is validated, and for good when it was cancelled before that. */
  readonly validation: Validation | null
  /** Null until it ended, and for good when no row of it was accepted. */
  readonly result: BatchResult | null
}

/** What a create asks for, checked for form. */
export interface BatchRequest {
  readonly inputFileId: string
  readonly endpoint: string
  readonly metadata: Readonly<Record<string, string>> | null
  readonly outputExpiresSeconds: number
}

/** A create whose client lost its connection, and which takes effect later: only if its input file is still there then. */
export interface LateCreateRecord {
  readonly kind: 'lateCreate'
  readonly id: string
  readonly sequence: number
  readonly organization: string
  readonly effectiveAtMs: number
  readonly request: BatchRequest
  readonly outcome: 'pending' | 'accepted' | 'refused'
}

export type StateRecord = FileRecord | BatchRecord | LateCreateRecord

/** Name of the store's content that holds a batch's lines of the bill. */
export function billName(batchId: string): string {
  return `bill-${batchId}`
}
