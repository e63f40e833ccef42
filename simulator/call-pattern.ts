/**
 * A call by method and path, for instance `POST /v1/batches` or `GET /v1/files/{id}/content`: `{id}` stands for any one
 * path segment; queries do not count.
 */
export interface CallPattern {
  readonly method: string
  readonly segments: readonly string[]
}

/** Parses a pattern; null when it is not `METHOD /path`. */
export function parseCallPattern(text: string): CallPattern | null {
  const match = /^([A-Z]+) (\/\S*)$/.exec(text)
  const [, method, path] = match ?? []
  return method === undefined || path === undefined ? null : { method, segments: path.split('/') }
}

/** Whether the call is one of the pattern's. */
export function matchesCall(pattern: CallPattern, method: string, path: string): boolean {
  const segments = path.split('/')
  return (
    pattern.method === method &&
    pattern.segments.length === segments.length &&
    pattern.segments.every((segment, index) => (/^\{\w+\}$/.test(segment) ? segments[index] !== '' : segment === segments[index]))
  )
}
