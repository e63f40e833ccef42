import { Command, Option } from 'commander'
import { LlmbatchError } from '../crds/errors.ts'
import { EXIT } from '../crds/exit-codes.ts'
import { formatFindings, type LocatedFinding } from './findings.ts'
import { checkManifest, readManifest } from './load-job.ts'
import { counted } from './text-format.ts'

interface FileReport {
  readonly file: string
  readonly valid: boolean
  readonly findings: readonly LocatedFinding[]
}

/** `llmbatch validate FILE…`: exit code 0 when all are valid, else 64. */
export function validateCommand(): Command {
  return new Command('validate')
    .description('Check LlmBatchJob manifests: YAML, every field of the API and its rules, the prompt template, and URIs. Nothing is read but the manifests.')
    .argument('<file...>', 'manifests, one LlmBatchJob each')
    .addOption(new Option('-o, --output <format>', 'text, or json: a list of {file, valid, findings}').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExamples:\n  $ llmbatch validate examples/wordnet/job.yaml\n  $ llmbatch validate jobs/*.yaml -o json\n')
    .action(async (files: string[], options: { output: 'text' | 'json' }) => {
      const reports = await Promise.all(files.map(report))
      if (options.output === 'json') process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`)
      else for (const line of reports.flatMap(reportLines)) process.stdout.write(`${line}\n`)
      if (reports.some(({ valid }) => !valid)) process.exitCode = EXIT.config
    })
}

async function report(file: string): Promise<FileReport> {
  try {
    const checked = checkManifest(await readManifest(file))
    return 'job' in checked ? { file, valid: true, findings: [] } : { file, valid: false, findings: checked.findings }
  } catch (error) {
    // A file that cannot be read is reported like one that is wrong, so that the others are still checked.
    if (!(error instanceof LlmbatchError)) throw error
    return { file, valid: false, findings: [{ field: '', problem: error.message }] }
  }
}

function reportLines({ file, valid, findings }: FileReport): string[] {
  return valid ? [`${file}: valid`] : [`${file}: ${counted(findings.length, 'problem')}`, ...formatFindings(findings).map((line) => `  ${line}`)]
}
