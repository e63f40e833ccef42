/** The rule that cuts files into chunks. Part of a chunk's identity by its version: never change a rule, add one. */
export interface Cut {
  readonly version: number
  /** Rows that a chunk aims at. */
  readonly targetRows: number
}

export const CURRENT_CUT: Cut = { version: 1, targetRows: 10_000 }

/** Rows [from, to) of a file. */
export interface RowRange {
  readonly from: number
  readonly to: number
}

/**
 * Cuts a file into chunks of about `targetRows` rows, by the row counts of its row groups alone: groups of over one and a half
 * targets are split evenly, smaller ones are joined while the sum stays within that. A pure function of the footer and the cut, so that every
 * plan of a file has the same chunks.
 */
export function cutChunks(rowGroupRows: readonly number[], cut: Cut): RowRange[] {
  const most = Math.floor(cut.targetRows * 1.5)
  const chunks: RowRange[] = []
  let from = 0
  let at = 0
  const close = (): void => {
    if (at > from) chunks.push({ from, to: at })
    from = at
  }
  for (const rows of rowGroupRows) {
    if (rows > most) {
      close()
      const pieces = Math.ceil(rows / cut.targetRows)
      for (let piece = 1; piece <= pieces; piece++) {
        const start = from
        at += Math.floor((rows * piece) / pieces) - Math.floor((rows * (piece - 1)) / pieces)
        if (at > start) close()
      }
      continue
    }
    if (at - from + rows > most) close()
    at += rows
    if (at - from >= cut.targetRows) close()
  }
  close()
  return chunks
}
