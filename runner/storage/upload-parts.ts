import { PART_MINIMUM, StorageError, type UploadedPart } from './storage.ts'

/** Highest part number of a multipart upload (S3's limit). */
export const PART_NUMBER_LIMIT = 10_000
/** Largest window that `read` yields, in bytes. */
export const READ_WINDOW = 256 * 1024

/** Throws a RangeError unless `partNumber` is a whole number from 1 to `PART_NUMBER_LIMIT`. */
export function checkPartNumber(partNumber: number): void {
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > PART_NUMBER_LIMIT) {
    throw new RangeError(`part number ${partNumber} is not from 1 to ${PART_NUMBER_LIMIT}`)
  }
}

/** Throws a RangeError unless [from, to) is a range of whole bytes within an object of `size` bytes. */
export function checkRange(uri: string, from: number, to: number, size: number): void {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || from > to || to > size) {
    throw new RangeError(`bytes [${from}, ${to}) do not lie within the ${size} bytes of ${uri}`)
  }
}

/**
 * Throws Misused unless `parts` can be joined: at least one, ascending part numbers, each
 * with the ETag that `stored` has for it, and none but the last under `PART_MINIMUM`.
 */
export function checkParts(uri: string, parts: readonly UploadedPart[], stored: ReadonlyMap<number, { readonly etag: string; readonly size: number }>): void {
  const refuse = (why: string) => new StorageError('Misused', uri, `The upload cannot be completed: ${why}`)
  if (parts.length === 0) throw refuse('it names no parts')
  let previous = 0
  for (const [index, { partNumber, etag }] of parts.entries()) {
    if (partNumber <= previous) throw refuse(`part ${partNumber} does not follow part ${previous}`)
    previous = partNumber
    const part = stored.get(partNumber)
    if (part === undefined) throw refuse(`part ${partNumber} was not uploaded`)
    if (part.etag !== etag) throw refuse(`part ${partNumber} was replaced after ETag ${etag}`)
    if (index < parts.length - 1 && part.size < PART_MINIMUM) {
      throw refuse(`part ${partNumber} has ${part.size} bytes; all but the last need ${PART_MINIMUM}`)
    }
  }
}
