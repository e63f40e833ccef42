import { createHash } from 'node:crypto'

const SIZE = 300_000

/** Content that shows by itself whether it is whole: a sha256, then the bytes it is of. For tests that kill writers. */
export function sealed(round: number): Uint8Array {
  const body = Buffer.alloc(SIZE + (round % 1000), `round ${round} `)
  return Buffer.concat([createHash('sha256').update(body).digest(), body])
}

/** Whether a content is whole. */
export function isWhole(bytes: Uint8Array): boolean {
  return bytes.length >= SIZE && createHash('sha256').update(bytes.subarray(32)).digest().equals(bytes.subarray(0, 32))
}
