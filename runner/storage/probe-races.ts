import { mapAhead } from './map-ahead.ts'
import { allEnded, answerTo, headerOf, undecidable, unsuitable } from './probe-answer.ts'
import type { Storage } from './storage.ts'

/** Writers that race for one object. */
export const PROBE_WRITERS = 8
/** Races that a store has to pass, of each condition. */
export const PROBE_ROUNDS = 20
/** Rounds under way at a time, each with an object of its own: up to 32 requests. */
const ROUNDS_AT_ONCE = 4
/** Rounds after which a store whose answers stay unclear is given up. */
const ROUNDS_LIMIT = 5 * PROBE_ROUNDS

interface Held {
  readonly etag: string
  readonly bytes: Uint8Array
}

interface RaceEnd {
  /** Whether it shows that the condition is kept. */
  readonly decided: boolean
  readonly unclear: number
  readonly held: Held | null
}

/**
 * Races writers that create an object (If-None-Match), then writers that replace it (If-Match), in rounds. Judges by the answers and by what
 * the object then holds, since no two writers send the same bytes. Rounds that prove nothing, because answers were lost, are repeated.
 * Throws StorageUnsuitable when more than one write of a race takes effect or the object does not show the one that did, StorageUnavailable
 * when too few rounds prove anything.
 */
export async function probeRaces(storage: Storage, prefix: string): Promise<void> {
  const passed = { create: 0, replace: 0 }
  let unclear = 0
  for (let last = 0; ; ) {
    const missing = PROBE_ROUNDS - Math.min(passed.create, passed.replace)
    if (missing <= 0) return
    if (last >= ROUNDS_LIMIT) break
    const rounds = Array.from({ length: missing }, () => ++last)
    for await (const { create, replace } of mapAhead(rounds, ROUNDS_AT_ONCE, (round) => createAndReplace(storage, prefix, round))) {
      if (create.decided) passed.create += 1
      if (replace?.decided === true) passed.replace += 1
      unclear += create.unclear + (replace?.unclear ?? 0)
    }
  }
  const what = `${passed.create < PROBE_ROUNDS ? 'If-None-Match: *' : 'If-Match'} on PutObject`
  if (unclear === 0) throw unsuitable(what, `is refused for each of ${PROBE_WRITERS} writers at once, instead of all but one`, prefix)
  throw undecidable(what, `${ROUNDS_LIMIT} rounds`, prefix)
}

async function createAndReplace(storage: Storage, prefix: string, round: number): Promise<{ readonly create: RaceEnd; readonly replace: RaceEnd | null }> {
  const uri = `${prefix}round-${round}`
  const create = await race(storage, uri, round, null)
  const replace = create.held === null ? null : await race(storage, uri, round, create.held)
  await storage.remove(uri)
  return { create, replace }
}

/** One race for an object: for its first version, or to replace `base`. */
async function race(storage: Storage, uri: string, round: number, base: Held | null): Promise<RaceEnd> {
  const condition = base === null ? ({ ifNoneMatch: '*' } as const) : { ifMatch: base.etag }
  const what = `${headerOf(condition)} on PutObject`
  const effect = base === null ? 'create the same object' : 'replace the same version of an object'
  const bodies = Array.from({ length: PROBE_WRITERS }, (_, writer) => Buffer.from(`writer ${writer + 1} with ${headerOf(condition)} of ${uri}`))
  const answers = await allEnded(bodies.map((body) => answerTo(() => storage.put(uri, body, condition))))
  const held = await storage.get(uri)

  const acknowledged = answers.flatMap((answer, writer) => (answer === 'Acknowledged' ? [writer] : []))
  const holder = held === null ? -1 : bodies.findIndex((body) => sameBytes(body, held.bytes))
  const isUntouched = base === null ? held === null : held !== null && sameBytes(base.bytes, held.bytes)
  const unclear = answers.filter((answer) => answer === 'Unclear').length
  const [winner] = acknowledged
  if (acknowledged.length > 1) throw unsuitable(what, `lets ${acknowledged.length} of ${PROBE_WRITERS} writers at once ${effect}, instead of one, in round ${round}`, uri)
  if (holder === -1 && !isUntouched) {
    const found = held === null ? 'is gone' : `holds ${JSON.stringify(Buffer.from(held.bytes.subarray(0, 120)).toString())}`
    throw unsuitable(what, `is not kept: after round ${round} the object ${found}, which none of its ${PROBE_WRITERS} writers may have done`, uri)
  }
  if (winner !== undefined && isUntouched) throw unsuitable('GetObject', `does not show an acknowledged PutObject right after it, in round ${round}`, uri)
  if (winner !== undefined && holder !== winner) {
    throw unsuitable(what, `lets 2 of ${PROBE_WRITERS} writers at once ${effect}, instead of one, in round ${round}: an acknowledged write is replaced by another`, uri)
  }
  // Several writes with lost answers may have taken effect one over the other.
  return { decided: winner !== undefined && unclear <= PROBE_WRITERS / 2, unclear, held }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
