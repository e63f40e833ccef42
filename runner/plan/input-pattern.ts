/** An input URI split into what is fixed and what is matched. */
export interface InputPattern {
  /** URI up to the last `/` before the first wildcard, or before the file name when there is none; ends in `/`. Listed, and cut off output names. */
  readonly prefix: string
  /** Whether a URI is an input. Names that start with `_` or `.` below the prefix are not, nor are folders (URIs that end in `/`). */
  readonly matches: (uri: string) => boolean
  /** Whether a URI would be an input if its name did not start with `_` or `.`. */
  readonly skips: (uri: string) => boolean
}

/** Parses an input URI: `*` stays within one path segment, `**` crosses segments. */
export function parseInputPattern(uri: string): InputPattern {
  const prefix = prefixOf(uri)
  if (!uri.includes('*')) return { prefix, matches: (candidate) => candidate === uri, skips: () => false }
  const expression = new RegExp(`^${uri.slice(prefix.length).split(/(\*\*\/|\*\*|\*)/).map(segmentExpression).join('')}$`, 'su')
  const fits = (candidate: string): boolean => candidate.startsWith(prefix) && candidate !== prefix && !candidate.endsWith('/') && expression.test(candidate.slice(prefix.length))
  const isHidden = (candidate: string): boolean => /(^|\/)[_.]/.test(candidate.slice(prefix.length))
  return {
    prefix,
    matches: (candidate) => fits(candidate) && !isHidden(candidate),
    skips: (candidate) => fits(candidate) && isHidden(candidate),
  }
}

/** The least that a pattern matches, below its prefix: the name of an input that there might be. */
export function sampleName(uri: string): string {
  return uri.slice(prefixOf(uri).length).replaceAll(/\*\*\/|\*+/g, (stars) => (stars === '**/' ? '' : 'x'))
}

function prefixOf(uri: string): string {
  const star = uri.indexOf('*')
  return uri.slice(0, uri.lastIndexOf('/', star < 0 ? uri.length : star) + 1)
}

function segmentExpression(text: string): string {
  switch (text) {
    case '**/':
      return '(?:.*/)?'
    case '**':
      return '.*'
    case '*':
      return '[^/]*'
    default:
      return text.replaceAll(/[.+?^${}()|[\]\\/]/g, '\\$&')
  }
}
