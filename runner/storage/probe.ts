import type { Clock } from '../ports/clock.ts'
import { nonce, type Random } from '../ports/random.ts'
import { writeResolved } from './durable-write.ts'
import { allEnded } from './probe-answer.ts'
import { probeComplete, probeCopy, probeReads } from './probe-conditions.ts'
import { PROBE_ROUNDS, PROBE_WRITERS, probeRaces } from './probe-races.ts'
import { isStorageError, type Storage } from './storage.ts'
import { encodeJson } from './stored-json.ts'

/**
 * Checks, once per work URI, that the store keeps what the ledger rests on: `<work>probe-passed` says that it did. About 440 requests, two afterwards; 5 MiB are
 * sent and got, and held in memory twice. The probe's objects lie in `<work>probe/` under names of its own and are removed, so two probes do not
 * disturb each other; a write that a store carries out after that, or a probe that is killed, leaves small objects there. Uploads that a killed
 * probe left are aborted once the store has passed; another probe that is still at work then has nothing left to find out.
 *
 * Throws StorageUnsuitable naming the store's fault, StorageUnavailable when the store's answers are too often unclear to tell. Errors of access
 * and outages pass as they are. `storage` is one that retries (`retryingStorage`).
 */
export async function ensureProbed({ storage, clock, random }: { readonly storage: Storage; readonly clock: Clock; readonly random: Random }, work: string): Promise<void> {
  const passed = `${work}probe-passed`
  const folder = `${work}probe/`
  if ((await storage.head(passed)) === null) {
    const mine = `${folder}${nonce(random)}-`
    try {
      await allEnded([probeRaces(storage, mine), ...[probeReads, probeCopy, probeComplete].map((check) => check({ storage, clock }, mine))])
    } catch (error) {
      // What was found out matters more than a few small objects that cannot be removed.
      await clear(storage, folder, mine).catch(() => undefined)
      // Another probe has passed meanwhile, and aborted our upload.
      if (isStorageError(error, 'NotFound') && (await storage.head(passed)) !== null) return
      throw error
    }
    await clear(storage, folder, mine)
    await writeResolved(storage, clock, passed, encodeJson({ schemaVersion: 1, writers: PROBE_WRITERS, rounds: PROBE_ROUNDS }), { ifNoneMatch: '*' })
  }
  await abortUploads(storage, folder, folder)
}

/** Removes a probe's objects and uploads. */
async function clear(storage: Storage, folder: string, prefix: string): Promise<void> {
  await abortUploads(storage, folder, prefix)
  for await (const { uri } of storage.list(prefix)) await storage.remove(uri)
}

async function abortUploads(storage: Storage, folder: string, prefix: string): Promise<void> {
  for (const { uri, uploadId } of await storage.listFolderUploads(folder)) if (uri.startsWith(prefix)) await storage.abortUpload(uri, uploadId)
}
