import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { describe, expect, it } from 'vitest'
import { makeAppendAssembler } from './append-assembler.ts'
import { readFooter } from './footer-reader.ts'
import { parseFooter } from './parquet-footer.ts'
import { makeParquetRowSource } from './parquet-row-source.ts'
import { append, COLUMNS, ENCRYPTED_FILES, footerOf, footerStart, GOOD_FILES, outcome, stored, storePart, testFile } from './testdata/corpus.ts'
import { binaryField, encodeStruct, fieldOf, i32Field, i64Field, listField, readList, readStruct, WIRE, withField, type ThriftField } from './thrift-compact.ts'

const NAMES = [COLUMNS.response, COLUMNS.status, COLUMNS.error, COLUMNS.promptTokens, COLUMNS.completionTokens]

async function rowsOf(bytes: Uint8Array, columns?: string[]): Promise<Record<string, unknown>[]> {
  const buffer = new Uint8Array(bytes).buffer
  return parquetReadObjects({ file: { byteLength: buffer.byteLength, slice: (start, end) => buffer.slice(start, end) }, compressors, ...(columns === undefined ? {} : { columns }) })
}

/** The file with a footer changed by `edit`, and bytes put in front of it. */
function withFooter(bytes: Uint8Array, edit: (fields: readonly ThriftField[]) => readonly ThriftField[], padding = 0): Uint8Array {
  const footer = encodeStruct(edit(readStruct(footerOf(bytes)).fields))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(footer.length)
  return Buffer.concat([bytes.subarray(0, footerStart(bytes)), new Uint8Array(padding), footer, length, Buffer.from('PAR1')])
}

function editRowGroup(fields: readonly ThriftField[], edit: (group: readonly ThriftField[]) => readonly ThriftField[]): readonly ThriftField[] {
  const groups = readList(fieldOf(fields, 4)?.raw ?? new Uint8Array(1)).items.map((item) => encodeStruct(edit(readStruct(item).fields)))
  return withField(fields, listField(4, WIRE.struct, groups))
}

function editChunk(fields: readonly ThriftField[], edit: (chunk: readonly ThriftField[]) => readonly ThriftField[]): readonly ThriftField[] {
  return editRowGroup(fields, (group) => withField(group, listField(1, WIRE.struct, readList(fieldOf(group, 1)?.raw ?? new Uint8Array(1)).items.map((item) => encodeStruct(edit(readStruct(item).fields))))))
}

async function refusal(bytes: Uint8Array, columns = COLUMNS): Promise<unknown> {
  const { storage, file } = await stored(bytes)
  return makeAppendAssembler(storage).check(file, columns).then(() => 'accepted', (error: unknown) => error)
}

const sample = (): Uint8Array => testFile('list_columns.parquet')

describe('append assembler', () => {
  it.each(GOOD_FILES)('keeps %s and adds the outcomes', async (name) => {
    const input = await stored(testFile(name))
    const assembler = makeAppendAssembler(input.storage)
    await assembler.check(input.file, COLUMNS)
    const { rows, rowGroupRows, columns } = await makeParquetRowSource(input.storage).inspect(input.file)
    const outcomes = Array.from({ length: rows }, (_, row) => outcome(row))
    const output = await append(input, assembler, rowGroupRows, outcomes, 7)

    const start = footerStart(input.bytes)
    expect(Buffer.from(output.subarray(0, start)).equals(Buffer.from(input.bytes.subarray(0, start)))).toBe(true)
    const added = (await rowsOf(output, NAMES)).map((row) => NAMES.map((name) => row[name] ?? null))
    expect(added).toEqual(outcomes.map(({ response, status, error, promptTokens, completionTokens }) => [response, status, error, promptTokens, completionTokens]))
    // hyparquet refuses some of the files; it must then refuse the old columns of the output in the same way.
    const before = await rowsOf(input.bytes).catch(String)
    expect(await rowsOf(output, [...columns]).catch(String)).toEqual(before)
    const [old, now] = [input.bytes, output].map((bytes) => parquetMetadata(new Uint8Array(bytes).buffer))
    expect(now?.schema.slice(1, old?.schema.length)).toEqual(old?.schema.slice(1))
    expect(now?.row_groups.map((group) => group.columns.slice(0, old?.row_groups[0]?.columns.length))).toEqual(old?.row_groups.map((group) => group.columns))
    expect(now?.created_by).toBe(old?.created_by)
  })

  it('gives the same values wherever the rows are cut into parts', async () => {
    const outcomes = Array.from({ length: 50 }, (_, row) => outcome(row))
    const values = await Promise.all([1, 3, 10, 49, 50].map(async (chunkRows) => {
      const input = await stored(testFile('floating_orders_nan_count.parquet'))
      return rowsOf(await append(input, makeAppendAssembler(input.storage), [10, 10, 10, 10, 10], outcomes, chunkRows), NAMES)
    }))
    for (const value of values) expect(value).toEqual(values[0])
    expect(values[0]).toHaveLength(50)
  })

  it('works on a file whose row groups hold no rows', async () => {
    const empty = withFooter(testFile('column_chunk_key_value_metadata.parquet'), (fields) => {
      const group = (rows: number): Uint8Array => encodeStruct([listField(1, WIRE.struct, readList(fieldOf(readStruct(readList(fieldOf(fields, 4)?.raw ?? new Uint8Array(1)).items[0] ?? new Uint8Array(1)).fields, 1)?.raw ?? new Uint8Array(1)).items), i64Field(2, 0), i64Field(3, rows)])
      return withField(fields, listField(4, WIRE.struct, [group(0), group(0)]))
    })
    const input = await stored(empty)
    const output = await append(input, makeAppendAssembler(input.storage), [0, 0], [], 7)
    const metadata = parquetMetadata(new Uint8Array(output).buffer)
    expect(metadata.row_groups.map((group) => group.columns.slice(-5).map((chunk) => chunk.meta_data?.num_values))).toEqual([Array(5).fill(0n), Array(5).fill(0n)])
    expect(await rowsOf(output)).toEqual([])
  })

  it('copies a large input in whole parts, in the store, and sends only the rest', async () => {
    const part = 8 * 1024 * 1024
    const input = await stored(withFooter(sample(), (fields) => fields, 2 * part + 12_345))
    const copies: number[] = []
    const sent: number[] = []
    const { storage } = input
    const copyPart = storage.copyPart.bind(storage)
    storage.copyPart = (uri, id, number, source) => {
      copies.push(source.to - source.from)
      return copyPart(uri, id, number, source)
    }
    const uploadPart = storage.uploadPart.bind(storage)
    storage.uploadPart = (uri, id, number, bytes) => {
      sent.push(bytes.length)
      return uploadPart(uri, id, number, bytes)
    }
    const output = await append(input, makeAppendAssembler(storage), [3], [0, 1, 2].map(outcome), 3)
    expect(copies).toEqual([part, part])
    expect(sent).toHaveLength(1)
    const start = footerStart(input.bytes)
    expect(Buffer.from(output.subarray(0, start)).equals(Buffer.from(input.bytes.subarray(0, start)))).toBe(true)
    expect(await rowsOf(output, ['llm_response'])).toEqual([0, 1, 2].map((row) => ({ llm_response: outcome(row).response })))
  })

  it('notices an input that was replaced, and parts that are gone, replaced or damaged', async () => {
    const input = await stored(sample())
    const assembler = makeAppendAssembler(input.storage)
    const part = await storePart(input, assembler, [3], 0, [0, 1, 2].map(outcome))
    const assemble = (file = input.file, chunk = part): Promise<unknown> => assembler.assemble(file, COLUMNS, [chunk], 'memory://out')
    await expect(assemble({ ...input.file, etag: 'other' })).rejects.toMatchObject({ code: 'InputChanged', message: expect.stringContaining(input.file.uri) as string })
    await expect(assemble(input.file, { ...part, uri: 'memory://gone' })).rejects.toMatchObject({ code: 'LedgerLost', message: expect.stringContaining('memory://gone') as string })
    await expect(assemble(input.file, { ...part, etag: 'other' })).rejects.toMatchObject({ code: 'LedgerLost' })
    await expect(assemble(input.file, { ...part, sha256: '0'.repeat(64) })).rejects.toMatchObject({ code: 'LedgerLost', message: expect.stringContaining('sha256') as string })
    const damaged = Uint8Array.from((await input.storage.get(part.uri))?.bytes ?? [])
    damaged[10] = (damaged[10] ?? 0) ^ 1
    const etag = await input.storage.put(part.uri, damaged, { unconditional: true })
    await expect(assemble(input.file, { ...part, etag })).rejects.toMatchObject({ code: 'LedgerLost' })
  })

  it('refuses parts that do not cover the rows, and outcomes that do not fit', async () => {
    const input = await stored(sample())
    const assembler = makeAppendAssembler(input.storage)
    const part = await storePart(input, assembler, [3], 0, [0, 1].map(outcome))
    const assemble = (parts: typeof part[]): Promise<unknown> => assembler.assemble(input.file, COLUMNS, parts, 'memory://out')
    await expect(assemble([part])).rejects.toMatchObject({ code: 'InternalError', message: expect.stringContaining('2 of 3 rows') as string })
    await expect(assemble([part, part])).rejects.toMatchObject({ code: 'InternalError' })
    const encode = (to: number, rows: number): Promise<unknown> => Array.fromAsync(assembler.encodePart([3], 0, to, (async function* () {
      for (let row = 0; row < rows; row += 1) yield await Promise.resolve(outcome(row))
    })()))
    await expect(encode(3, 2)).rejects.toThrow('got 2 outcomes, not 3')
    await expect(encode(2, 3)).rejects.toThrow('more than 2 outcomes')
    await expect(encode(4, 4)).rejects.toThrow('row groups')
  })
})

describe('check', () => {
  it('refuses a name that the file has, whatever its case', async () => {
    expect(await refusal(sample(), { ...COLUMNS, error: 'INT64_LIST' })).toMatchObject({ code: 'ColumnExists', message: expect.stringMatching(/columns\.names\.error is "INT64_LIST".*"int64_list"/) as string })
    expect(await refusal(sample(), { ...COLUMNS, error: 'LLM_STATUS' })).toMatchObject({ code: 'ColumnExists', message: expect.stringContaining('names.status') as string })
  })

  it.each(ENCRYPTED_FILES)('refuses %s', async (name) => {
    expect(await refusal(testFile(name))).toMatchObject({ code: 'InvalidInput', message: expect.stringContaining('encrypted') as string })
  })

  it.each<[string, string, string, (fields: readonly ThriftField[]) => readonly ThriftField[]]>([
    ['an encrypted column', 'UnsupportedColumn', 'column "int64_list.list.item" is encrypted', (fields) => editChunk(fields, (chunk) => withField(chunk, binaryField(9, 'x')))],
    ['columns that lie in other files', 'InvalidInput', 'lies in another file, "a.parquet"', (fields) => editChunk(fields, (chunk) => withField(chunk, binaryField(1, 'a.parquet')))],
    ['row counts that differ', 'InvalidInput', 'counts 4 rows, its row groups 3', (fields) => withField(fields, i64Field(3, 4))],
    ['column orders for other columns', 'InvalidInput', '1 column orders for 2 columns', (fields) => withField(fields, listField(7, WIRE.struct, [encodeStruct([])]))],
    ['a row group that lacks a column', 'InvalidInput', '0 column chunks for 2 columns', (fields) => editRowGroup(fields, (group) => withField(group, listField(1, WIRE.struct, [])))],
    ['a schema with elements too many', 'InvalidInput', 'more elements than its tree', (fields) => withField(fields, listField(2, WIRE.struct, [...readList(fieldOf(fields, 2)?.raw ?? new Uint8Array(1)).items, encodeStruct([i32Field(1, 1), binaryField(4, 'extra')])]))],
    ['a schema with elements too few', 'InvalidInput', 'fewer elements than its tree', (fields) => withField(fields, listField(2, WIRE.struct, readList(fieldOf(fields, 2)?.raw ?? new Uint8Array(1)).items.slice(0, -1)))],
    ['a footer without row groups', 'InvalidInput', 'lacks row groups', (fields) => fields.filter(({ id }) => id !== 4)],
    ['a broken copy of the schema', 'InvalidInput', '"parquet.avro.schema"', (fields) => withField(fields, listField(5, WIRE.struct, [encodeStruct([binaryField(1, 'parquet.avro.schema'), binaryField(2, '{"fields": 1}')])]))],
  ])('refuses %s', async (_name, code, message, edit) => {
    expect(await refusal(withFooter(sample(), edit))).toMatchObject({ code, message: expect.stringContaining(message) as string })
  })

  it('refuses bytes behind the metadata', async () => {
    const bytes = sample()
    const length = Buffer.alloc(4)
    length.writeUInt32LE(footerOf(bytes).length + 3)
    expect(await refusal(Buffer.concat([bytes.subarray(0, bytes.length - 8), Buffer.from('???'), length, Buffer.from('PAR1')]))).toMatchObject({ code: 'InvalidInput', message: expect.stringContaining('3 bytes behind') as string })
  })

  it('keeps what it does not know, and extends the copies of the schema', async () => {
    const spark = '{"type":"struct","fields":[{"name":"a","type":"long","nullable":true,"metadata":{"n":12345678901234567890}}]}'
    const avro = '{"type":"record","name":"r","fields":[ ]}'
    const entry = (key: string, value: string): Uint8Array => encodeStruct([binaryField(1, key), binaryField(2, value)])
    const input = await stored(withFooter(sample(), (fields) => [
      ...withField(fields, listField(5, WIRE.struct, [entry('org.apache.spark.sql.parquet.row.metadata', spark), entry('parquet.avro.schema', avro), entry('mine', 'kept'), encodeStruct([binaryField(1, 'no value')])])),
      binaryField(99, 'unknown'),
    ]))
    const output = await append(input, makeAppendAssembler(input.storage), [3], [0, 1, 2].map(outcome), 3)
    const { fields } = readStruct(footerOf(output))
    expect(fieldOf(fields, 99)).toMatchObject({ id: 99 })
    const values = new Map(parquetMetadata(new Uint8Array(output).buffer).key_value_metadata?.map(({ key, value }) => [key, value]))
    expect(values.get('mine')).toBe('kept')
    expect(values.has('no value')).toBe(true)
    expect(values.get('org.apache.spark.sql.parquet.row.metadata')).toContain('"n":12345678901234567890}},{"name":"llm_response","type":"string"')
    expect(JSON.parse(values.get('parquet.avro.schema') ?? '')).toMatchObject({ fields: NAMES.map((name) => ({ name, default: null })) })
    const { storage, file } = await stored(output)
    const { start, bytes } = await readFooter(storage, file)
    expect(start).toBe(footerStart(output))
    expect(parseFooter(file.uri, bytes).columns.slice(-5)).toEqual(NAMES)
  })
})
