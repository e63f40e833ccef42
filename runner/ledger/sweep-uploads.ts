import type { Storage } from '../storage/storage.ts'

/** Folders of a ledger's immutable objects, below the work URI. Their names begin with the epoch that wrote them (`LedgerSession.uniqueName`). */
export function ledgerFolders(work: string, ledger: string): readonly string[] {
  return [segmentFolder(work, ledger), partFolder(work, ledger)]
}

/** Where a ledger's harvest segments lie. */
export function segmentFolder(work: string, ledger: string): string {
  return `${work}segments/${ledger}/`
}

/** Where a ledger's committed parts lie. */
export function partFolder(work: string, ledger: string): string {
  return `${work}parts/${ledger}/`
}

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
