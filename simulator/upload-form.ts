import type { FileObject } from 'openai/resources/files'
import { ApiError, integerOutside, invalidType, invalidValue, missingParameter } from './api-error.ts'
import { type FormPart, MultipartError, boundaryOf, readMultipart } from './multipart.ts'
import type { ContentWriter } from './store.ts'

/** OpenAI's limit of one file. */
export const MAX_FILE_BYTES = 512_000_000
const MAX_FIELD_BYTES = 64 * 1024
const MAX_FIELDS = 32

const PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data'] as const satisfies readonly FileObject['purpose'][]

/** OpenAI's bounds of an expiry, and the life of batch files when none is asked for. */
export const MIN_EXPIRY_SECONDS = 3600
export const MAX_EXPIRY_SECONDS = 30 * 86_400

/** What an upload says, its bytes aside. */
export interface UploadForm {
  readonly filename: string
  readonly purpose: FileObject['purpose']
  /** Null: kept until it is deleted. */
  readonly expiresSeconds: number | null
}

/** Checks `{anchor, seconds}` of an expiry; `name` is the parameter's. Throws ApiError. */
export function checkExpiry(name: string, anchor: unknown, seconds: unknown): number {
  if (anchor === undefined) throw missingParameter(`${name}.anchor`)
  if (anchor !== 'created_at') throw invalidValue(`${name}.anchor`, anchor, ['created_at'])
  if (seconds === undefined) throw missingParameter(`${name}.seconds`)
  if (typeof seconds !== 'number' || !Number.isSafeInteger(seconds)) throw invalidType(`${name}.seconds`, 'an integer')
  if (seconds < MIN_EXPIRY_SECONDS || seconds > MAX_EXPIRY_SECONDS) throw integerOutside(`${name}.seconds`, seconds, MIN_EXPIRY_SECONDS, MAX_EXPIRY_SECONDS)
  return seconds
}

async function readField(part: FormPart): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of part.content) {
    bytes += piece.byteLength
    if (bytes > MAX_FIELD_BYTES) throw new ApiError(400, `The field '${part.name}' is longer than ${MAX_FIELD_BYTES} bytes.`, { param: part.name })
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

async function copy(part: FormPart, content: ContentWriter): Promise<void> {
  for await (const piece of part.content) {
    if (content.bytes + piece.byteLength > MAX_FILE_BYTES) throw new ApiError(413, `The file is larger than ${MAX_FILE_BYTES} bytes.`, { param: 'file' })
    await content.write(piece)
  }
}

function checkForm(filename: string | null, fields: ReadonlyMap<string, string>): UploadForm {
  if (filename === null) throw missingParameter('file')
  const purpose = fields.get('purpose')
  if (purpose === undefined) throw missingParameter('purpose')
  const known = PURPOSES.find((each) => each === purpose)
  if (known === undefined) throw invalidValue('purpose', purpose, PURPOSES)
  if (known === 'batch' && !filename.endsWith('.jsonl')) throw new ApiError(400, 'Invalid file format for Batch API. Must be .jsonl')
  const [anchor, seconds] = [fields.get('expires_after[anchor]'), fields.get('expires_after[seconds]')]
  if (anchor === undefined && seconds === undefined) return { filename, purpose: known, expiresSeconds: known === 'batch' ? MAX_EXPIRY_SECONDS : null }
  return { filename, purpose: known, expiresSeconds: checkExpiry('expires_after', anchor, seconds === undefined ? undefined : Number(seconds)) }
}

/** Reads an upload, its file into `content` as it comes: whichever order the fields have, the file is never held. Throws ApiError. */
export async function readUpload(contentType: string | undefined, body: AsyncIterable<Uint8Array>, content: ContentWriter): Promise<UploadForm> {
  const boundary = boundaryOf(contentType)
  if (boundary === null) throw new ApiError(400, 'The request must be multipart/form-data with a boundary.')
  const fields = new Map<string, string>()
  let filename: string | null = null
  try {
    for await (const part of readMultipart(body, boundary)) {
      if (part.name === 'file' && part.filename !== null) {
        if (filename !== null) throw new ApiError(400, 'The request has more than one file.', { param: 'file' })
        filename = part.filename
        await copy(part, content)
      } else {
        if (fields.size >= MAX_FIELDS) throw new ApiError(400, `The request has more than ${MAX_FIELDS} fields.`)
        fields.set(part.name, await readField(part))
      }
    }
  } catch (error) {
    if (error instanceof MultipartError) throw new ApiError(400, `Could not parse multipart form: ${error.message}.`)
    throw error
  }
  return checkForm(filename, fields)
}
