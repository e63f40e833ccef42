import { describe, expect, it } from 'vitest'
import { INPUT, ModeWorld, OUTPUT, parquetFile } from '../testdata/mode-world.ts'
import { checkInputs, FILES_TOLD } from './check-inputs.ts'
import { asError, type InputProblems } from './input-problem.ts'

/** The same file with another name for its column `title`. */
function renamed(name: 'a' | 'b', column: 'Title' | 'topic'): Uint8Array {
  return Buffer.from(Buffer.from(parquetFile(name)).toString('latin1').replaceAll('title', column), 'latin1')
}

async function worldOf(files: Readonly<Record<string, Uint8Array>>, uri = `${INPUT}*.parquet`, prompt = '{{title}}'): Promise<ModeWorld> {
  const world = new ModeWorld()
  world.spec = { ...world.spec, input: { uri }, request: { ...world.spec.request, prompt } }
  for (const [name, bytes] of Object.entries(files)) await world.put(name, bytes)
  return world
}

async function check(world: ModeWorld): Promise<InputProblems & { readonly texts: readonly string[] }> {
  const { source, assembler, ports } = world.parts()
  const checked = await checkInputs({ storage: ports.storage, source, assembler, onFooter: () => undefined }, world.spec)
  return { ...checked, texts: checked.problems.map(({ code, field, problem }) => `${code}: ${field} ${problem}`.replaceAll(INPUT, '')) }
}

describe('checking inputs', () => {
  it('finds the problems of all files at once', async () => {
    const world = await worldOf({ 'a.parquet': parquetFile('a'), 'b.parquet': renamed('b', 'topic'), 'c.parquet': Buffer.from('id,title\n1,x\n'), 'd.parquet': new Uint8Array(0) })
    await world.storage.put(`${OUTPUT}a.parquet`, Buffer.from('precious'), { unconditional: true })
    expect((await check(world)).texts).toEqual([
      `OutputExists: spec.output.uri holds ${OUTPUT}a.parquet already, which this job did not write`,
      'UnknownColumn: spec.request.prompt names {{title}}, but b.parquet has no such column, while a.parquet has it as BYTE_ARRAY STRING; its columns are: id, topic',
      'InvalidInput: spec.input.uri matches c.parquet: it is not Parquet; it looks like CSV, which is not read yet: convert it to Parquet',
      'InvalidInput: spec.input.uri matches d.parquet: it has 0 bytes: its upload or its writer failed',
    ])
  })

  it('tells what is wrong with the same column in several files once', async () => {
    const { texts } = await check(await worldOf({ 'a.parquet': renamed('a', 'topic'), 'b.parquet': parquetFile('b'), 'c.parquet': renamed('b', 'topic'), 'd.parquet': renamed('b', 'Title') }))
    expect(texts).toEqual([
      'UnknownColumn: spec.request.prompt names {{title}}, but a.parquet has no such column (the same in 1 more file), while b.parquet has it as BYTE_ARRAY STRING; its columns are: id, topic',
      'UnknownColumn: spec.request.prompt names {{title}}, but d.parquet has no such column, while b.parquet has it as BYTE_ARRAY STRING; it has {{Title}}: the name must be the same to the letter',
    ])
  })

  it('names the file that has the column when it comes later, too', async () => {
    const { texts } = await check(await worldOf({ 'a.parquet': renamed('a', 'Title'), 'b.parquet': parquetFile('b') }))
    expect(texts).toEqual(['UnknownColumn: spec.request.prompt names {{title}}, but a.parquet has no such column, while b.parquet has it as BYTE_ARRAY STRING; it has {{Title}}: the name must be the same to the letter'])
  })

  it('says that a folder name is no column', async () => {
    const { texts } = await check(await worldOf({ 'dt=2026-01-01/a.parquet': parquetFile('a') }, `${INPUT}**`, '{{title}} of {{dt}}'))
    expect(texts).toEqual(["UnknownColumn: spec.request.prompt names {{dt}}, but dt=2026-01-01/a.parquet has no such column; dt stands in the file's path only, and a prompt can name what is in the file"])
  })

  it('tells the problems of some files, and counts the others', async () => {
    const names = Array.from({ length: FILES_TOLD + 5 }, (_, i) => `${String(i).padStart(2, '0')}.parquet`)
    const checked = await check(await worldOf(Object.fromEntries(names.map((name) => [name, Buffer.from('text')]))))
    expect(checked).toMatchObject({ problems: { length: FILES_TOLD }, moreFiles: 5 })
    expect(asError(checked)?.message).toMatch(/00\.parquet: it is not Parquet.* \(and 19 more problems and problems of 5 more files: `llmbatch validate --with-data` lists them\)$/)
  })

  it('passes over the markers of folders that consoles make', async () => {
    const { problems } = await check(await worldOf({ 'a/': new Uint8Array(0), '': new Uint8Array(0), 'a/b.parquet': parquetFile('b') }, `${INPUT}**`))
    expect(problems).toEqual([])
  })
})

describe('a URI that matches nothing', () => {
  const file = parquetFile('empty')

  it.each([
    ['an empty folder', {}, '*.parquet', 'nothing lies under '],
    ['another folder', { 'x/a.parquet': file }, 'y/*.parquet', 'nothing lies under y/'],
    ['a folder', { 'x/a.parquet': file }, 'x', 'it is a folder: write x/*.parquet'],
    ['a folder of folders', { 'x/y/a.parquet': file }, 'x', 'it is a folder: write x/**/*.parquet'],
    ['a folder with its slash', { 'x/a.parquet': file }, 'x/', 'it is a folder: write x/*.parquet'],
    ['skipped names', { '_a.parquet': file, '.b.parquet': file, 'c.csv': file }, '*.parquet', 'names that start with "_" or "." are skipped: .b.parquet, _a.parquet'],
    ['files in folders', { 'x/a.parquet': file }, '*.parquet', '* stays within one folder: write **/*.parquet for x/a.parquet'],
    ['another case', { 'A.parquet': file }, 'a.parquet', 'the name must be the same to the letter, and there is A.parquet'],
    ['another Unicode form', { 'e\u0301.parquet': file }, '\u00e9.*', 'the name must be the same to the letter, and there is e\u0301.parquet'],
    ['percent-encoding', { 'a b.parquet': file }, 'a%20b.parquet', 'a URI is taken as it stands, not percent-decoded, and there is a b.parquet'],
    ['another suffix', { 'a.csv': file, 'b.csv': file, 'c.csv': file, 'd.csv': file, 'e.csv': file }, '*.parquet', 'under  lie a.csv, b.csv, c.csv and 2 more'],
    ['a near name', { 'prices.parquet': file, 'products-2.parquet': file }, 'products-1.parquet', 'under  lie products-2.parquet, prices.parquet'],
    ['a wildcard of others', { 'a1.parquet': file }, 'a?.parquet', 'under  lies a1.parquet; of wildcards there are * and ** only'],
  ])('because of %s', async (_, files, uri, words) => {
    const { texts } = await check(await worldOf(files, INPUT + uri))
    expect(texts).toEqual([`InputNotFound: spec.input.uri ${uri} matches nothing: ${words}`])
  })
})
