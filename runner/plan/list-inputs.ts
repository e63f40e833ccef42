import { distance } from 'fastest-levenshtein'
import type { ObjectInfo, Storage } from '../storage/storage.ts'
import { parseInputPattern, type InputPattern } from './input-pattern.ts'
import { percentDecoded } from './percent-decoded.ts'

/** Names looked at to say why a URI matches nothing. */
const NAMES_SEEN = 1_000
/** Names told. */
const NAMES_TOLD = 3

/** The files that an input URI matches, in ascending order of their names. `passedOver` is told of the others that are met on the way. */
export async function* listInputs(storage: Storage, uri: string, { prefix, matches }: InputPattern, passedOver: (uri: string) => void): AsyncGenerator<ObjectInfo> {
  if (!uri.includes('*')) {
    const info = uri.endsWith('/') ? null : await storage.head(uri)
    if (info !== null) yield info
    return
  }
  for await (const info of storage.list(prefix)) {
    if (matches(info.uri)) yield info
    else passedOver(info.uri)
  }
}

/** Some of the URIs that a listing shows, and how many they were. */
export class SeenUris {
  readonly uris: string[] = []
  count = 0

  readonly add = (uri: string): void => {
    this.count += 1
    if (this.uris.length < NAMES_SEEN) this.uris.push(uri)
  }
}

/** What lies where a URI matched nothing, as far as it can have been meant. Lists the folder of a URI without `*`, so a missing bucket surfaces. */
export async function whatLiesThere(storage: Storage, uri: string, pattern: InputPattern, passedOver: SeenUris): Promise<string> {
  if (uri.includes('*')) return describe(uri, pattern, passedOver)
  const seen = new SeenUris()
  for await (const info of storage.list(pattern.prefix)) {
    seen.add(info.uri)
    if (seen.count === NAMES_SEEN) break
  }
  return describe(uri, pattern, seen)
}

/** The most likely mistake, from what a listing showed. */
function describe(uri: string, pattern: InputPattern, { uris, count }: SeenUris): string {
  if (count === 0) return `nothing lies under ${pattern.prefix}${encodingHint(uri)}`
  const some = (list: readonly string[], total = list.length): string => `${list.slice(0, NAMES_TOLD).join(', ')}${total > NAMES_TOLD ? ` and ${total - NAMES_TOLD} more` : ''}`

  const folder = uri.endsWith('/') ? uri : `${uri}/`
  const inFolder = uris.filter((candidate) => candidate.startsWith(folder))
  if (!uri.includes('*') && inFolder.length > 0) {
    const isFlat = inFolder.some((candidate) => !candidate.slice(folder.length).includes('/'))
    return `it is a folder: write ${folder}${isFlat ? '' : '**/'}*.parquet`
  }
  const skipped = uris.filter(pattern.skips)
  if (skipped.length > 0) return `names that start with "_" or "." are skipped: ${some(skipped)}`

  // The same pattern, with what people mix up taken as the same.
  const deeper = uri.replace(/\*(?=[^/]*$)/, '**/*')
  const variants: readonly (readonly [(text: string) => string, string])[] = [
    [(text) => text.normalize('NFC').toLowerCase(), 'the name must be the same to the letter, and there is'],
    [percentDecoded, 'a URI is taken as it stands, not percent-decoded, and there is'],
    [(text) => (text === uri ? deeper : text), `* stays within one folder: write ${deeper} for`],
  ]
  for (const [change, words] of variants) {
    const { matches } = parseInputPattern(change(uri))
    const found = uris.filter((candidate) => matches(change(candidate)))
    if (found.length > 0) return `${words} ${some(found)}`
  }
  const globs = /[?[\]{}]/.test(uri.slice(pattern.prefix.length)) ? '; of wildcards there are * and ** only' : ''
  const near = uris.toSorted((a, b) => distance(a, uri) - distance(b, uri))
  return `under ${pattern.prefix} ${count === 1 ? 'lies' : 'lie'} ${some(near, count)}${globs}${encodingHint(uri)}`
}

function encodingHint(uri: string): string {
  return percentDecoded(uri) === uri ? '' : '; a URI is taken as it stands, not percent-decoded'
}
