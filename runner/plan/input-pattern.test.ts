import { describe, expect, it } from 'vitest'
import { parseInputPattern } from './input-pattern.ts'

const ROOT = 'file:///data/'

/** Which of the names below `file:///data/` a pattern takes. */
function taken(pattern: string, names: readonly string[]): string[] {
  const { matches } = parseInputPattern(ROOT + pattern)
  return names.filter((name) => matches(ROOT + name))
}

describe('an input pattern', () => {
  it.each([
    ['*.parquet', ['a.parquet', '.parquet', 'a.parquet.gz', 'x/a.parquet', 'aparquet'], ['a.parquet']],
    ['**', ['a', 'x/a', 'x/y/a'], ['a', 'x/a', 'x/y/a']],
    ['**/*.parquet', ['a.parquet', 'x/a.parquet', 'x/y/a.parquet', 'a.csv'], ['a.parquet', 'x/a.parquet', 'x/y/a.parquet']],
    ['x/**/a', ['x/a', 'x/y/a', 'x/y/z/a', 'xa', 'x/ya'], ['x/a', 'x/y/a', 'x/y/z/a']],
    ['dt=*/part-*.parquet', ['dt=2026-11-22/part-0.parquet', 'dt=/part-.parquet', 'dt=a/b/part-0.parquet'], ['dt=2026-11-22/part-0.parquet', 'dt=/part-.parquet']],
    ['a+b (1) [x] {2,3} ^$|\\/*.parquet', ['a+b (1) [x] {2,3} ^$|\\/r.parquet', 'aab 1 x 2/r.parquet'], ['a+b (1) [x] {2,3} ^$|\\/r.parquet']],
    ['*.p?rquet', ['a.parquet', 'a.p?rquet', 'a.prquet'], ['a.p?rquet']],
    ['Größe *😀.parquet', ['Größe 1 😀.parquet', 'Größe 😀.parquet', 'Grosse 1 😀.parquet'], ['Größe 1 😀.parquet', 'Größe 😀.parquet']],
    ['*', ['line\nbreak', 'a'], ['line\nbreak', 'a']],
    ['50%25*', ['50%25 off', '50% off'], ['50%25 off']],
  ])('%s takes what it names, and regex characters are plain', (pattern, names, expected) => {
    expect(taken(pattern, names)).toEqual(expected)
  })

  it('skips hidden files and folders', () => {
    expect(taken('**', ['_SUCCESS', '.crc', 'a/_temporary/b', 'a/.hidden/b', '.llmbatch/plans/x', 'a_b', 'a.b', 'a/b_.c'])).toEqual(['a_b', 'a.b', 'a/b_.c'])
    expect(taken('_*', ['_a'])).toEqual([])
  })

  it('does not skip files below a hidden folder that the URI itself names', () => {
    const { matches } = parseInputPattern('file:///data/_staging/.x/*.parquet')
    expect(matches('file:///data/_staging/.x/a.parquet')).toBe(true)
  })

  it('lists from the last folder before the first wildcard', () => {
    expect(parseInputPattern('s3://bucket/a/b-*/c').prefix).toBe('s3://bucket/a/')
    expect(parseInputPattern('s3://bucket/*').prefix).toBe('s3://bucket/')
    expect(parseInputPattern('s3://bucket/a/b.parquet').prefix).toBe('s3://bucket/a/')
  })

  it('without a wildcard takes that one file, hidden or not', () => {
    const { matches } = parseInputPattern('file:///data/_a.parquet')
    expect(matches('file:///data/_a.parquet')).toBe(true)
    expect(matches('file:///data/_a.parquet2')).toBe(false)
    expect(parseInputPattern('file:///data/a+b.parquet').matches('file:///data/aab.parquet')).toBe(false)
  })

  it('takes nothing outside its prefix', () => {
    expect(parseInputPattern('file:///data/**').matches('file:///database/a')).toBe(false)
  })
})
