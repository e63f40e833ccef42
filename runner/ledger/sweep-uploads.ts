import type { Storage } from '../storage/storage.ts'

/**
 * Aborts the multipart uploads that runners of earlier epochs began in these folders and did not finish, and returns how many: a store bills their
 * parts until somebody does. Such a runner is dead or fenced, so nobody misses them.
 */
export async function sweepUploads(storage: Storage, folders: readonly string[], epoch: number): Promise<number> {
  let swept = 0
  for (const folder of folders) {
    for (const { uri, uploadId } of await storage.listFolderUploads(folder)) {
      const begun = /^e(\d+)-/.exec(uri.slice(folder.length))?.[1]
      if (begun === undefined || Number(begun) >= epoch) continue
      await storage.abortUpload(uri, uploadId)
      swept++
    }
  }
  return swept
}
