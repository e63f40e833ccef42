import { IntervalSet } from './interval-set.ts'

/** Longest text of a set in an outcome or an environment variable, in characters: the kubelet keeps 4,096 bytes of a termination message. */
export const WIRE_SET_LIMIT = 3_000
const BITSET_PREFIX = 'b64:'
/** A text of so few characters is not worth a bitset, and no limit may be lower: one interval must fit. */
const LEAST_LIMIT = 64

/**
 * Writes a set as an interval string or a base64 bitset, whichever is shorter. A text over `limit` is coarsened: to a
 * superset (gaps closed, smallest first) for what to do, to a subset (shortest runs dropped) for what is done. Either error costs a
 * runner start, never work. Throws RangeError for a limit under 64.
 */
export function encodeWireSet(set: IntervalSet, coarsen: 'superset' | 'subset' | 'exact', limit: number = WIRE_SET_LIMIT): string {
  if (limit < LEAST_LIMIT) throw new RangeError(`a limit of ${limit} characters is under ${LEAST_LIMIT}`)
  const intervals = set.toString()
  if (intervals.length <= LEAST_LIMIT) return intervals
  // The bitset's length depends on the largest value alone, so one that would be longer is never built.
  const end = set.intervals().at(-1)?.to ?? 0
  const shorter = BITSET_PREFIX.length + Math.ceil(end / 6) < intervals.length ? bitset(set, end) : intervals
  if (shorter.length <= limit || coarsen === 'exact') return shorter
  return coarsen === 'superset' ? closeGaps(set, limit) : keepLongest(set, limit)
}

function bitset(set: IntervalSet, end: number): string {
  const bits = new Uint8Array(Math.ceil(end / 8))
  for (const value of set) bits[value >> 3] = (bits[value >> 3] ?? 0) | (1 << (value & 7))
  return BITSET_PREFIX + Buffer.from(bits).toString('base64').replace(/A*=*$/, '')
}

/** Reads what encodeWireSet wrote. Throws SyntaxError on anything else. */
export function decodeWireSet(text: string): IntervalSet {
  if (!text.startsWith(BITSET_PREFIX)) return IntervalSet.parse(text)
  const body = text.slice(BITSET_PREFIX.length)
  if (!/^[A-Za-z0-9+/]*$/.test(body)) throw new SyntaxError('not a base64 bitset')
  // Trailing zero bits were cut at a character border, so the text is padded back to whole groups of four.
  const bytes = Buffer.from(body.padEnd(Math.ceil(body.length / 4) * 4, 'A'), 'base64')
  const values: number[] = []
  bytes.forEach((byte, i) => {
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) values.push(i * 8 + bit)
  })
  return IntervalSet.of(values)
}

function closeGaps(set: IntervalSet, limit: number): string {
  let current = set
  while (current.toString().length > limit) {
    const intervals = current.intervals()
    const gaps = intervals.slice(1).map((interval, i) => ({ from: intervals[i]?.to ?? 0, to: interval.from }))
    gaps.sort((a, b) => a.to - a.from - (b.to - b.from))
    for (const gap of gaps.slice(0, Math.max(1, gaps.length >> 2))) current = current.union(IntervalSet.range(gap.from, gap.to))
  }
  return current.toString()
}

function keepLongest(set: IntervalSet, limit: number): string {
  let current = set
  while (current.toString().length > limit) {
    const shortest = current.intervals().sort((a, b) => a.to - a.from - (b.to - b.from))
    for (const { from, to } of shortest.slice(0, Math.max(1, shortest.length >> 2))) current = current.subtract(IntervalSet.range(from, to))
  }
  return current.toString()
}
