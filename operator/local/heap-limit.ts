/** Taken by Node itself before any data: code, stacks, native parts. MiB. */
const BASE_MIB = 48
/** Share of the rest for V8's old space. What remains is for its young space and for buffers, which lie outside the heap. */
const OLD_SPACE_SHARE = 0.65
/** V8 does not come up reliably with less. */
const LEAST_MIB = 32

/**
 * `--max-old-space-size` for a runner, in MiB: (memory - 48 MiB) x 0.65, at least 32. At 128 MiB of memory that is 52, at 256 MiB 135,
 * at 1 GiB 634. Memory over its own limit then ends as V8's heap out of memory (134) or at the resident limit (137): both are the memory class.
 */
export function heapLimitMib(memoryBytes: number): number {
  return Math.max(LEAST_MIB, Math.floor((memoryBytes / 2 ** 20 - BASE_MIB) * OLD_SPACE_SHARE))
}

/**
 * V8's flags for a runner. A small young space (2 MiB semi-spaces) is collected often, so buffers outside the heap that only garbage
 * still points to are freed soon: the peak of a shard of 35,000 rows falls from 198 to 151 MiB at the same speed.
 */
export function heapFlags(memoryBytes: number): string[] {
  return [`--max-old-space-size=${heapLimitMib(memoryBytes)}`, '--max-semi-space-size=2']
}
