import { readFile } from 'node:fs/promises'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { parquetWriteBuffer } from 'hyparquet-writer'

const EXAMPLE = new URL('../../examples/wordnet/wordnet.parquet', import.meta.url)

/** A Parquet file of `rows` rows: those of the WordNet example over and over, in row groups of `rowGroupRows`. */
export async function repeatedExample(rows: number, rowGroupRows: number): Promise<Uint8Array> {
  const file = new Uint8Array(await readFile(EXAMPLE)).buffer
  const example = (await parquetReadObjects({ file, compressors })) as Record<string, unknown>[]
  const columns = Object.keys(example[0] ?? {})
  const columnData = columns.map((name) => ({ name, data: Array.from({ length: rows }, (_, row) => example[row % example.length]?.[name]), type: 'STRING' as const }))
  return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: rowGroupRows }))
}
