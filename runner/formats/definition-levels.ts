import { varint } from './thrift-compact.ts'

/** Shortest stretch of equal levels that is written as a run. */
const RUN_MINIMUM = 8

/**
 * Definition levels of a flat nullable column, 1 where a value is present, as Parquet's RLE/bit-packed hybrid of width 1,
 * without the length in front. Source: https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 */
export function encodeDefinitionLevels(present: readonly boolean[]): Uint8Array {
  const pieces: Uint8Array[] = []
  let at = 0
  while (at < present.length) {
    const run = runLength(present, at)
    if (run >= RUN_MINIMUM || at + run === present.length) {
      pieces.push(varint(BigInt(run) << 1n), Uint8Array.of(present[at] === true ? 1 : 0))
      at += run
      continue
    }
    // Whole groups of 8 up to the next stretch that is worth a run; the last group is filled up with zeros.
    let end = at
    do end += 8
    while (end < present.length && runLength(present, end) < RUN_MINIMUM)
    const groups = (end - at) / 8
    pieces.push(varint((BigInt(groups) << 1n) | 1n), packBits(present, at, groups))
    at = Math.min(end, present.length)
  }
  return Buffer.concat(pieces)
}

/** How many levels from `at` on are equal, counted up to the first that differs. */
function runLength(present: readonly boolean[], at: number): number {
  let end = at + 1
  while (end < present.length && present[end] === present[at]) end += 1
  return end - at
}

function packBits(present: readonly boolean[], from: number, groups: number): Uint8Array {
  const bytes = new Uint8Array(groups)
  for (let i = 0; i < groups * 8; i += 1) {
    if (present[from + i] === true) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (1 << (i & 7))
  }
  return bytes
}
