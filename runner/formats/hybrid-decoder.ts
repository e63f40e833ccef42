/**
 * Decodes numbers in Parquet's RLE/bit-packed hybrid: levels, dictionary indexes, booleans. Throws RangeError when the data
 * ends before `count` numbers. Source: https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 */
export function decodeHybrid(bytes: Uint8Array, width: number, count: number): Uint32Array {
  if (width > 32) throw new RangeError(`a bit width of ${width}`)
  const values = new Uint32Array(count)
  if (width === 0) return values
  let at = 0
  let done = 0
  const next = (): number => {
    const byte = bytes[at]
    if (byte === undefined) throw new RangeError(`run-length data ends after ${done} of ${count} values`)
    at += 1
    return byte
  }
  while (done < count) {
    const header = readLength(next)
    if (header % 2 === 0) {
      let value = 0
      for (let i = 0; i < Math.ceil(width / 8); i += 1) value += next() * 2 ** (8 * i)
      const end = Math.min(count, done + header / 2)
      values.fill(value, done, end)
      done = end
      continue
    }
    // Whole groups of 8 values are written, though the last of them may be cut off behind the last value.
    const end = Math.min(count, done + ((header - 1) / 2) * 8)
    const runEnd = at + ((header - 1) / 2) * width
    let buffer = 0
    let bits = 0
    while (done < end) {
      while (bits < width) {
        buffer += next() * 2 ** bits
        bits += 8
      }
      values[done] = buffer % 2 ** width
      buffer = Math.floor(buffer / 2 ** width)
      bits -= width
      done += 1
    }
    at = runEnd
  }
  return values
}

/** Bits that hold numbers up to `largest`. */
export function bitWidth(largest: number): number {
  return 32 - Math.clz32(largest)
}

function readLength(next: () => number): number {
  let value = 0
  for (let i = 0; i < 5; i += 1) {
    const byte = next()
    value += (byte & 127) * 2 ** (7 * i)
    if (byte < 128) {
      if (value === 0) throw new RangeError('a run of no values')
      return value
    }
  }
  throw new RangeError('a run length of over 35 bits')
}
