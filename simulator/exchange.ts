import { ApiError, invalidType, integerOutside } from './api-error.ts'

/** A request, as the HTTP server or a simulation hands it in. */
export interface SimulatorRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Pulled as it is needed; it need not be read to its end. */
  readonly body: AsyncIterable<Uint8Array>
}

export interface SimulatorResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Throws ConnectionCut where a fault cuts it. */
  readonly body: string | AsyncIterable<Uint8Array>
}

/** An endpoint's answer, before the headers that all answers have. A plain object is sent as JSON. */
export type Reply =
  | { readonly json: object; readonly status?: number }
  | { readonly stream: AsyncIterable<Uint8Array>; readonly bytes: number | null; readonly headers: Readonly<Record<string, string>> }

/** Longest JSON body of a request. */
export const MAX_JSON_BYTES = 1024 * 1024

/** Reads a JSON object from a body. Throws ApiError. */
export async function readJson(body: AsyncIterable<Uint8Array>): Promise<Readonly<Record<string, unknown>>> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.byteLength
    if (bytes > MAX_JSON_BYTES) throw new ApiError(413, `The request body is larger than ${MAX_JSON_BYTES} bytes.`)
    pieces.push(piece)
  }
  let value: unknown
  try {
    value = JSON.parse(Buffer.concat(pieces).toString('utf8'))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError(400, 'We could not parse the JSON body of your request. The API expects a JSON object.')
  }
  return Object.fromEntries(Object.entries(value))
}

/** An integer of the query within [minimum, maximum]. Throws ApiError. */
export function integerParameter(query: URLSearchParams, name: string, fallback: number, minimum: number, maximum: number): number {
  const text = query.get(name)
  if (text === null) return fallback
  if (!/^-?\d{1,15}$/.test(text)) throw invalidType(name, 'an integer')
  const value = Number(text)
  if (value < minimum || value > maximum) throw integerOutside(name, value, minimum, maximum)
  return value
}

/** A page of a list, and what a reply says of it. */
export interface Page<T> {
  readonly object: 'list'
  readonly data: T[]
  readonly first_id?: string
  readonly last_id?: string
  readonly has_more: boolean
}

/**
 * Cuts a page out of an ordered list, after the item whose id is the cursor. `show` filters: an item that it hides can
 * still be a cursor. Throws ApiError for a cursor that is not in the list.
 */
export function pageOf<R extends { readonly id: string }, T extends { readonly id: string }>(
  list: readonly R[],
  query: URLSearchParams,
  limit: number,
  show: (item: R) => T | null,
): Page<T> {
  const after = query.get('after')
  const cursor = after === null ? -1 : list.findIndex((item) => item.id === after)
  if (after !== null && cursor === -1) throw new ApiError(400, `Invalid 'after': no object with the id '${after}'.`, { param: 'after', code: 'invalid_value' })
  const data: T[] = []
  let hasMore = false
  for (const item of list.slice(cursor + 1)) {
    const shown = show(item)
    if (shown === null) continue
    hasMore = data.length === limit
    if (hasMore) break
    data.push(shown)
  }
  const [first, last] = [data[0], data.at(-1)]
  return { object: 'list', data, ...(first === undefined ? {} : { first_id: first.id }), ...(last === undefined ? {} : { last_id: last.id }), has_more: hasMore }
}
