/** An input URI split into what is fixed and what is matched. */
export interface InputPattern {
  /** URI up to the last `/` before the first wildcard, or before the file name when there is none; ends in `/`. Listed, and cut off output names. */
  readonly prefix: string
  /** Whether a URI is an input. Names that start with `_` or `.` below the prefix are not. */
  readonly matches: (uri: string) => boolean
}

/** Parses an input URI: `*` stays within one path segment, `**` crosses segments. */
export function parseInputPattern(uri: string): InputPattern {
  const star = uri.indexOf('*')
  const prefix = uri.slice(0, uri.lastIndexOf('/', star < 0 ? uri.length : star) + 1)
  if (star < 0) return { prefix, matches: (candidate) => candidate === uri }
  const expression = new RegExp(`^${uri.slice(prefix.length).split(/(\*\*\/|\*\*|\*)/).map(segmentExpression).join('')}$`, 'su')
  return {
    prefix,
    matches: (candidate) => {
      if (!candidate.startsWith(prefix)) return false
      const name = candidate.slice(prefix.length)
      return !/(^|\/)[_.]/.test(name) && expression.test(name)
    },
  }
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
