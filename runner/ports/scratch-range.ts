/** Largest window that a scratch file's `stream` yields, and most bytes that its `append` buffers. */
export const SCRATCH_WINDOW = 256 * 1024

/** Throws a RangeError unless [from, to) lies within a scratch file of `size` bytes. */
export function checkScratchRange(from: number, to: number, size: number): void {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || from > to || to > size) {
    throw new RangeError(`bytes [${from}, ${to}) do not lie within the ${size} bytes of the scratch file`)
  }
}

/** [from, to) cut into windows of at most `SCRATCH_WINDOW` bytes. */
export function* scratchWindows(from: number, to: number): Generator<{ readonly from: number; readonly to: number }> {
  for (let at = from; at < to; at += SCRATCH_WINDOW) yield { from: at, to: Math.min(at + SCRATCH_WINDOW, to) }
}
