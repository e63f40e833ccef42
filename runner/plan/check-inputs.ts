import { LlmbatchError } from '../../crds/errors.ts'
import { EXIT } from '../../crds/exit-codes.ts'
import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import type { PlanHeader } from '../../crds/generated/plan-header.ts'
import { workUri } from '../../crds/work-uri.ts'
import type { OutputAssembler } from '../formats/output-assembler.ts'
import type { RowSource, SourceFooter } from '../formats/row-source.ts'
import { isOurOutput } from '../merge/output-record.ts'
import { mapAhead, OneAtATime } from '../storage/map-ahead.ts'
import { StorageError, type ObjectInfo, type Storage } from '../storage/storage.ts'
import { ColumnCheck, type UnusableColumn } from './columns.ts'
import { fileIdOf, requestDigest } from './identities.ts'
import { parseInputPattern, type InputPattern } from './input-pattern.ts'
import type { InputProblem, InputProblems } from './input-problem.ts'
import { listInputs, SeenUris, whatLiesThere } from './list-inputs.ts'
import { placeProblems } from './output-place.ts'
import { compileTemplate, distinctColumns } from './prompt-template.ts'

/** Files whose problems are told one by one; of others only the number is. */
export const FILES_TOLD = 20

/** Files that are looked at side by side: their footers are held until it is their turn. */
const FILES_AHEAD = 8
/** Files over this size are looked at one at a time, bytes: their footers may be large. */
const LARGE_FILE = 64 * 1024 * 1024

/** An input file that can be planned. */
export interface PlannedFile {
  readonly input: PlanHeader['inputs'][number]
  readonly rowGroupRows: readonly number[]
}

/** What a job's inputs are checked with. */
export interface InputReaders {
  readonly storage: Storage
  readonly source: RowSource
  readonly assembler: OutputAssembler
  /** Called before a footer is read. */
  readonly onFooter: () => void
}

/**
 * Lists a job's inputs, reads their footers (never the data) and checks columns, added columns, outputs, and that the output folder can be
 * written. Finds the problems of all files at once and spends nothing. `files` are those that can be read.
 * Throws InvalidTemplate, and StorageError when storage fails.
 */
export async function checkInputs(readers: InputReaders, spec: LlmBatchJobSpec): Promise<InputProblems & { readonly files: readonly PlannedFile[] }> {
  const { storage } = readers
  const { uri } = spec.input
  const { columns } = distinctColumns(compileTemplate(spec.request.prompt))
  const misplaced = placeProblems(spec)
  if (misplaced.length > 0) return { files: [], problems: misplaced, moreFiles: 0 }

  const pattern = parseInputPattern(uri)
  const columnCheck = new ColumnCheck(columns)
  const passedOver = new SeenUris()
  const files: PlannedFile[] = []
  const found: (InputProblem | UnusableColumn)[] = []
  let badFiles = 0
  let firstTarget: string | null = null
  const largeFiles = new OneAtATime()
  const looks = mapAhead(listInputs(storage, uri, pattern, passedOver.add), FILES_AHEAD, (info) => {
    const look = (): Promise<FileLook> => lookAt(readers, spec, pattern, info)
    return info.size > LARGE_FILE ? largeFiles.run(look) : look()
  })
  for await (const { info, name, target, footer, problems } of looks) {
    firstTarget ??= target
    const ofFile = 'problem' in footer ? [footer] : [...columnCheck.check(info.uri, footer), ...problems]
    if (ofFile.length > 0 && ++badFiles <= FILES_TOLD) found.push(...ofFile)
    if ('problem' in footer) continue
    files.push({ rowGroupRows: footer.rowGroupRows, input: { uri: info.uri, name, fileId: fileIdOf(info.etag, info.size, footer.footerSha256), etag: info.etag, size: info.size, rows: footer.rows } })
  }
  if (firstTarget === null) found.push({ code: 'InputNotFound', field: 'spec.input.uri', problem: `${uri} matches nothing: ${await whatLiesThere(storage, uri, pattern, passedOver)}` })
  else await checkWritable(storage, firstTarget)
  const isSame = (one: UnusableColumn, other: InputProblem | UnusableColumn): boolean =>
    'column' in other && one.column === other.column && one.code === other.code && one.fault === other.fault && one.wayOut === other.wayOut
  // A column's problem names a file that has the column, which may have come later, and is told once for all files that share it.
  const problems = found.flatMap((problem, i) => {
    if (!('column' in problem)) return [problem]
    if (found.slice(0, i).some((earlier) => isSame(problem, earlier))) return []
    return [columnCheck.problem(problem, found.slice(i + 1).filter((later) => isSame(problem, later)).length)]
  })
  return { files, problems, moreFiles: Math.max(0, badFiles - FILES_TOLD) }
}

/** What was seen of one file. */
interface FileLook {
  readonly info: ObjectInfo
  /** Path below the pattern's fixed part. */
  readonly name: string
  /** Its output. */
  readonly target: string
  readonly footer: SourceFooter | InputProblem
  /** Those that need no look at other files. */
  readonly problems: readonly InputProblem[]
}

async function lookAt(readers: InputReaders, spec: LlmBatchJobSpec, pattern: InputPattern, info: ObjectInfo): Promise<FileLook> {
  const name = info.uri.slice(pattern.prefix.length)
  const target = spec.output.uri + name
  readers.onFooter()
  const footer = await unlessWrong(() => readers.source.inspect(info))
  if ('problem' in footer) return { info, name, target, footer, problems: [] }
  const added = await addedColumnProblems(readers, info, spec)
  const ofTarget = pattern.matches(target) ? [insideInput(target, spec.input.uri)] : await targetProblems(readers.storage, spec, target)
  return { info, name, target, footer, problems: [...added, ...ofTarget] }
}

function insideInput(target: string, inputUri: string): InputProblem {
  return { code: 'OutputInsideInput', field: 'spec.output.uri', problem: `puts the output ${target} where spec.input.uri ${inputUri} matches` }
}

async function addedColumnProblems({ assembler }: InputReaders, info: ObjectInfo, spec: LlmBatchJobSpec): Promise<InputProblem[]> {
  const checked = await unlessWrong(async () => {
    await assembler.check(info, spec.output.columns.names)
    return null
  })
  return checked === null ? [] : [checked]
}

async function targetProblems(storage: Storage, spec: LlmBatchJobSpec, target: string): Promise<InputProblem[]> {
  const current = await storage.head(target)
  if (current === null || spec.output.ifExists === 'Overwrite' || (await isOurOutput(storage, workUri(spec), target, requestDigest(spec), current))) return []
  return [{ code: 'OutputExists', field: 'spec.output.uri', problem: `holds ${target} already, which this job did not write` }]
}

/** The result, or what the user has to change; faults of ours and of storage pass. */
async function unlessWrong<T>(work: () => Promise<T>): Promise<T | InputProblem> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof LlmbatchError && error.exitCode === EXIT.config) && !(error instanceof StorageError && error.code === 'UnsupportedURI')) throw error
    const { code, message } = error
    const [, field, problem] = /^(spec\.[\w.]*\w) (.*)$/s.exec(message) ?? []
    return field === undefined || problem === undefined ? { code, field: 'spec.input.uri', problem: `matches ${message}` } : { code, field, problem }
  }
}

/** Begins and drops an upload of an output that is not there yet: who cannot write it must learn so before anything is spent. */
async function checkWritable(storage: Storage, target: string): Promise<void> {
  if ((await storage.head(target)) !== null) return
  await storage.abortUpload(target, await storage.beginUpload(target))
}
