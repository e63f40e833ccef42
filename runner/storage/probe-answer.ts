import { LlmbatchError } from '../../crds/errors.ts'
import { isStorageError, type WriteCondition } from './storage.ts'

/** What a store said to a write. Refused without effect and refused after its own success look alike: the object tells. */
export type Answer = 'Acknowledged' | 'Refused' | 'Unclear'

/** Makes a conditional write. Errors that say nothing about the condition (access refused, an outage) pass. */
export async function answerTo(write: () => Promise<string>): Promise<Answer> {
  try {
    await write()
    return 'Acknowledged'
  } catch (error) {
    if (isStorageError(error, 'PreconditionFailed')) return 'Refused'
    // NotFound: the upload is gone, most likely because it was completed and the answer was lost.
    if (isStorageError(error, 'Unclear', 'NotFound')) return 'Unclear'
    throw error
  }
}

/** What the store does wrong with a condition or an operation; both are called as in the S3 API reference. */
export function unsuitable(what: string, fault: string, uri: string): LlmbatchError {
  return new LlmbatchError('StorageUnsuitable', `${what} ${fault}: ${uri}`)
}

/** The store answered so often unclearly that nothing can be said about it. */
export function undecidable(what: string, tries: string, uri: string): LlmbatchError {
  return new LlmbatchError('StorageUnavailable', `${what} cannot be probed, because the store's answers were unclear in ${tries}: ${uri}`)
}

/** The header that states a condition, for messages. */
export function headerOf(condition: WriteCondition): string {
  if ('ifNoneMatch' in condition) return 'If-None-Match: *'
  return 'ifMatch' in condition ? 'If-Match' : 'no condition'
}

/** Results of all; an error is thrown when all have ended, so that none goes on behind the caller's back. */
export async function allEnded<T>(calls: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(calls)
  return await Promise.all(calls)
}
