/** Randomness, passed in so that a simulation is a pure function of its seed. */
export interface Random {
  /** `count` random bytes. */
  bytes(count: number): Uint8Array
}

/** A fresh 96-bit nonce, hex. */
export function nonce(random: Random): string {
  return Buffer.from(random.bytes(12)).toString('hex')
}
