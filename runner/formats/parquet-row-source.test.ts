import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { LlmbatchError } from '../../crds/errors.ts'
import { makeParquetRowSource } from './parquet-row-source.ts'
import type { ColumnRef, RowSource, SourceFile } from './row-source.ts'
import { ENCRYPTED_FILES, expectedValues, footerOf, footerStart, GOOD_FILES, stored, testFile } from './testdata/corpus.ts'

async function valuesOf(source: RowSource, file: SourceFile, columns: readonly ColumnRef[], from: number, to: number): Promise<(string | null)[][]> {
  const values: (string | null)[][] = columns.map(() => [])
  let next = from
  for await (const window of source.read(file, columns, from, to)) {
    expect(window.from).toBe(next)
    window.values.forEach((column, index) => values[index]?.push(...column))
    expect(window.values[0]?.length).toBeLessThanOrEqual(1000)
    next += window.values[0]?.length ?? 0
  }
  expect(next).toBe(to)
  return values
}

async function failure(bytes: Uint8Array, read?: (source: RowSource, file: SourceFile) => Promise<unknown>): Promise<unknown> {
  const { storage, file } = await stored(bytes)
  const source = makeParquetRowSource(storage)
  return (read ?? ((s, f) => s.inspect(f)))(source, file).then(() => 'no error', (error: unknown) => error)
}

const withoutBytes = (bytes: Uint8Array, from: number, to: number): Uint8Array => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
const json = (...path: string[]): ColumnRef => ({ path, render: 'json' })
const text = (...path: string[]): ColumnRef => ({ path, render: 'text' })

describe('rows of files that others made', () => {
  it.each(GOOD_FILES)('%s holds what PyArrow reads', async (name) => {
    const expected = expectedValues()[name]
    const { storage, file } = await stored(testFile(name))
    const source = makeParquetRowSource(storage)
    const { rows, columns, paths } = await source.inspect(file)
    for (const column of columns) {
      const values = typeof expected === 'object' ? expected[column] : undefined
      const path = paths.find((candidate) => candidate.path.length === 1 && candidate.path[0] === column)
      if (values === 'unsupported') {
        expect(path?.unsupported).toContain('no exact text')
        continue
      }
      const [read = []] = await valuesOf(source, file, [json(column)], 0, rows)
      // PyArrow refuses incorrect_map_schema.parquet (nullable map keys); this is what it holds.
      const wanted = name === 'incorrect_map_schema.parquet' ? [{ parent: 'another', name: 'report' }] : values
      expect(read.map((value) => (value === null ? null : (JSON.parse(value) as unknown)))).toEqual(wanted)
    }
  })

  it.each(GOOD_FILES)('%s gives the same rows from any row on', async (name) => {
    const { storage, file } = await stored(testFile(name))
    const source = makeParquetRowSource(storage)
    const { rows, paths } = await source.inspect(file)
    const columns = paths.filter((path) => path.unsupported === undefined).map(({ path }) => json(...path))
    if (columns.length === 0) return
    const all = await valuesOf(source, file, columns, 0, rows)
    for (const [from, to] of [[0, Math.ceil(rows / 2)], [Math.floor(rows / 3), rows], [rows, rows], [Math.floor(rows / 2), Math.min(rows, Math.floor(rows / 2) + 1)]] as const) {
      expect(await valuesOf(source, file, columns, from, to)).toEqual(all.map((column) => column.slice(from, to)))
    }
  })

  it.each(['ARROW-RS-GH-6229-LEVELS', 'ARROW-RS-GH-6229-DICTHEADER'])('%s, which is damaged, gives an error naming file and cause', async (name) => {
    const error = await failure(testFile(`${name}.parquet`), async (source, file) => {
      const { rows, columns } = await source.inspect(file)
      await valuesOf(source, file, columns.map((column) => json(column)), 0, rows)
    })
    expect(error).toMatchObject({ code: 'InvalidInput', message: expect.stringContaining('memory://input.parquet') as string })
  })
})

describe('inspect', () => {
  it('tells rows, row groups, columns, paths and the footer digest', async () => {
    const { storage, file, bytes } = await stored(testFile('nullable.impala.parquet'))
    const footer = await makeParquetRowSource(storage).inspect(file)
    expect(footer).toMatchObject({ rows: 7, rowGroupRows: [7], columns: ['id', 'int_array', 'int_array_Array', 'int_map', 'int_Map_Array', 'nested_struct'] })
    expect(footer.footerSha256).toBe(createHash('sha256').update(footerOf(bytes)).digest('hex'))
    expect(footer.paths).toContainEqual({ path: ['id'], type: 'INT64', text: true })
    expect(footer.paths).toContainEqual({ path: ['int_array'], type: 'list of INT32', text: false })
    expect(footer.paths).toContainEqual({ path: ['int_map'], type: 'map from BYTE_ARRAY STRING to INT32', text: false })
    expect(footer.paths.map(({ path }) => path.join('.'))).toEqual(['id', 'int_array', 'int_array_Array', 'int_map', 'int_Map_Array', 'nested_struct', 'nested_struct.A', 'nested_struct.b', 'nested_struct.C', 'nested_struct.C.d', 'nested_struct.g'])
  })

  it('reads no more than the footer and the magic', async () => {
    const { storage, file, bytes } = await stored(Buffer.concat([Buffer.from('PAR1'), new Uint8Array(1_000_000), testFile('binary.parquet').subarray(4)]))
    const ranges: [number, number][] = []
    const read = storage.read.bind(storage)
    storage.read = (uri, from, to, ifMatch) => {
      ranges.push([from, to])
      return read(uri, from, to, ifMatch)
    }
    await makeParquetRowSource(storage).inspect(file)
    expect(ranges).toEqual([[bytes.length - 65_536, bytes.length], [0, 512]])
  })

  it.each<[string, Uint8Array, string]>([
    ['an empty file', new Uint8Array(0), 'it has 0 bytes'],
    ['a short file', Buffer.from('PAR1PAR1'), 'it starts like Parquet but has no end'],
    ['a text file', Buffer.from('id,title\n1,a long enough line\n'), 'it is not Parquet'],
    ['a truncated file', testFile('list_columns.parquet').subarray(0, 1000), 'it starts like Parquet but has no end: it was cut off'],
    ['a file that lost its middle', withoutBytes(testFile('list_columns.parquet'), 100, 200), 'would lie at bytes \\d+-\\d+, outside the file'],
    ['a file without its head', Buffer.concat([Buffer.from('XXXX'), testFile('binary.parquet').subarray(4)]), 'does not start'],
    ['a footer longer than the file', Buffer.concat([Buffer.from('PAR1data'), Uint8Array.of(0, 1, 0, 0), Buffer.from('PAR1')]), '256 bytes, more than the file holds'],
    ['a footer of other bytes', Buffer.concat([Buffer.from('PAR1'), new Uint8Array(16).fill(0xff), Uint8Array.of(16, 0, 0, 0), Buffer.from('PAR1')]), 'its footer is damaged'],
    ['an unknown physical type', testFile('PARQUET-1481.parquet'), 'physical type'],
  ])('refuses %s, naming file and cause', async (_name, bytes, cause) => {
    expect(await failure(bytes)).toMatchObject({ code: 'InvalidInput', message: expect.stringMatching(new RegExp(`^memory://input\\.parquet: .*${cause}`)) as string })
  })

  it.each(ENCRYPTED_FILES)('refuses %s', async (name) => {
    expect(await failure(testFile(name))).toMatchObject({ code: 'InvalidInput', message: expect.stringContaining('encrypted') as string })
  })

  it('says why a column cannot be read', async () => {
    const { storage, file } = await stored(testFile('fixed_length_byte_array.parquet'))
    const { paths } = await makeParquetRowSource(storage).inspect(file)
    expect(paths).toEqual([{ path: ['flba_field'], type: 'FIXED_LEN_BYTE_ARRAY(4)', text: true, unsupported: 'it is binary of 4 bytes; it has no exact text' }])
  })
})

describe('read', () => {
  it('gives fields of structs as text, null where any struct above is null', async () => {
    const { storage, file } = await stored(testFile('nullable.impala.parquet'))
    const values = await valuesOf(makeParquetRowSource(storage), file, [text('nested_struct', 'A'), json('nested_struct', 'C'), text('id'), json('id'), json('nested_struct')], 0, 7)
    expect(values[0]).toEqual(['1', null, null, null, null, null, '7'])
    expect(values[1]?.slice(2)).toEqual(['{"d":[]}', '{"d":null}', null, null, '{"d":[[],[null],null]}'])
    expect(values[3]).toEqual(values[2])
    expect(values[4]?.[6]).toBe('{"A":7,"b":[2,3,null],"C":{"d":[[],[null],null]},"g":null}')
  })

  it('gives windows without values for a prompt that names no column', async () => {
    const { storage, file } = await stored(testFile('int32_with_null_pages.parquet'))
    const windows = await Array.fromAsync(makeParquetRowSource(storage).read(file, [], 0, 1000))
    expect(windows).toEqual([{ from: 0, values: [] }])
  })

  it('reads only the columns that are named', async () => {
    const { storage, file } = await stored(testFile('nullable.impala.parquet'))
    const source = makeParquetRowSource(storage)
    await valuesOf(source, file, [text('id')], 0, 7)
    let bytes = 0
    const read = storage.read.bind(storage)
    storage.read = (uri, from, to, ifMatch) => {
      bytes += to - from
      return read(uri, from, to, ifMatch)
    }
    await valuesOf(source, file, [text('id')], 0, 7)
    expect(bytes).toBeLessThan(300)
  })

  it('notices that the file was replaced or is gone', async () => {
    const { storage, file, bytes } = await stored(testFile('list_columns.parquet'))
    const source = makeParquetRowSource(storage)
    await source.inspect(file)
    const read = (): Promise<unknown> => valuesOf(source, file, [json('int64_list')], 0, 3)
    await read()
    await storage.put(file.uri, bytes.toReversed(), { unconditional: true })
    await expect(read()).rejects.toMatchObject({ code: 'InputChanged', message: expect.stringContaining('was replaced') as string })
    await expect(source.inspect(file)).rejects.toMatchObject({ code: 'InputChanged' })
    await storage.remove(file.uri)
    await expect(read()).rejects.toMatchObject({ code: 'InputChanged', message: expect.stringContaining('is gone') as string })
  })

  it('refuses what it cannot write, naming the column', async () => {
    const read = (name: string, ref: ColumnRef, rows: number): Promise<unknown> => failure(testFile(name), (source, file) => valuesOf(source, file, [ref], 0, rows))
    expect(await read('fixed_length_byte_array.parquet', text('flba_field'), 3)).toMatchObject({ code: 'UnsupportedColumn', message: expect.stringContaining('"flba_field"') as string })
    expect(await read('list_columns.parquet', text('int64_list'), 3)).toMatchObject({ code: 'UnsupportedColumn', message: expect.stringContaining('{{json int64_list}}') as string })
    expect(await read('list_columns.parquet', text('other'), 3)).toMatchObject({ code: 'UnknownColumn', message: expect.stringContaining('"other"') as string })
  })

  it('gives rows or an error, never a hang, whatever byte is changed', async () => {
    for (const name of ['nullable.impala.parquet', 'datapage_v2_empty_datapage.snappy.parquet', 'byte_array_decimal.parquet']) {
      const original = testFile(name)
      for (let at = 4; at < footerStart(original); at += 7) {
        const bytes = Uint8Array.from(original)
        bytes[at] = (bytes[at] ?? 0) ^ 0x55
        const { storage, file } = await stored(bytes)
        const source = makeParquetRowSource(storage)
        const { rows, columns } = await source.inspect(file)
        for (const column of columns) {
          const result = await valuesOf(source, file, [json(column)], 0, rows).catch((error: unknown) => error as LlmbatchError)
          if (Array.isArray(result)) expect(result[0]).toHaveLength(rows)
          else expect(['InvalidInput', 'UnsupportedColumn']).toContain(result.code)
        }
      }
    }
  })
})
