import { Command, Option } from 'commander'
import { ERROR_CATALOGUE, LlmbatchError } from '../crds/errors.ts'
import { EXIT } from '../crds/exit-codes.ts'
import { configMapOption, secretOption } from './credential-options.ts'
import { dataFindings } from './data-findings.ts'
import { formatFindings, type LocatedFinding } from './findings.ts'
import { checkManifests, readManifest, type CheckedManifest } from './load-job.ts'
import { localJob } from './local-job.ts'
import { checkCredentialOptions } from './runner-credentials.ts'
import type { LocalSources } from './secrets.ts'
import { counted } from './text-format.ts'

interface FileReport {
  readonly file: string
  readonly valid: boolean
  readonly findings: readonly LocatedFinding[]
}

interface ValidateOptions {
  readonly withData?: true
  readonly secret: readonly string[]
  readonly configMap: readonly string[]
  readonly output: 'text' | 'json'
}

const HELP = `
Exit code: 0 when all is valid, 64 when something has to be changed, that of the error's entry in docs/errors.md when storage cannot be used.

Examples:
  $ llmbatch validate examples/wordnet/job.yaml
  $ llmbatch validate jobs/*.yaml -o json
  $ helm template . | llmbatch validate -
  $ llmbatch validate --with-data --secret s3=s3.env job.yaml
`

/** `llmbatch validate FILE…` */
export function validateCommand(): Command {
  return new Command('validate')
    .description('Check LlmBatchJob manifests: YAML, every field of the API and its rules, the prompt template, URIs, sizes and prices. Without --with-data nothing is read but the manifests.')
    .argument('<file...>', 'manifests, - for standard input; of a file with several documents the LlmBatchJobs are checked')
    .option('--with-data', 'check storage, inputs and their columns too, as planning does; of inputs only footers are read, and no provider is asked')
    .addOption(secretOption())
    .addOption(configMapOption())
    .addOption(new Option('-o, --output <format>', 'text, or json: a list of {file, valid, findings: [{code, field, problem, instead, line}]}').choices(['text', 'json']).default('text'))
    .addHelpText('after', HELP)
    .action(async (files: string[], options: ValidateOptions, command: Command) => {
      if (options.withData !== true && options.secret.length + options.configMap.length > 0) command.error('error: --secret and --config-map are for --with-data')
      const reports = await reportsOf(files, options)
      if (options.output === 'json') process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`)
      else for (const line of reports.flatMap(reportLines)) process.stdout.write(`${line}\n`)
      const codes = reports.flatMap(({ findings }) => findings.map(({ code }) => ERROR_CATALOGUE[code].exitCode))
      if (codes.length > 0) process.exitCode = codes.find((code) => code !== EXIT.config) ?? EXIT.config
    })
}

async function reportsOf(files: readonly string[], { withData, secret, configMap }: ValidateOptions): Promise<FileReport[]> {
  const manifests: { readonly file: string; readonly checked: readonly CheckedManifest[] }[] = []
  for (const file of files) manifests.push({ file, checked: await checkFile(file) })
  const sources: LocalSources = { secret, configMap, env: process.env }
  const all = manifests.flatMap(({ checked }) => checked)
  const specs = all.flatMap((each) => ('job' in each ? [each.job.spec] : []))
  // A manifest that is wrong may name the Secret all the same.
  if (specs.length === all.length) checkCredentialOptions(specs, sources)
  const reports: FileReport[] = []
  for (const { file, checked } of manifests) {
    const findings: LocatedFinding[] = []
    for (const each of checked) {
      if ('findings' in each) findings.push(...each.findings)
      else if (withData === true) findings.push(...(await dataFindings(localJob(each.job, file), sources)).map(each.locate))
    }
    reports.push({ file, valid: findings.length === 0, findings })
  }
  return reports
}

/** A file that cannot be read is reported like one that is wrong, so that the others are still checked. */
async function checkFile(file: string): Promise<readonly CheckedManifest[]> {
  try {
    return checkManifests(await readManifest(file), file)
  } catch (error) {
    if (!(error instanceof LlmbatchError)) throw error
    return [{ findings: [{ code: error.code, field: '', problem: error.message }] }]
  }
}

function reportLines({ file, valid, findings }: FileReport): string[] {
  return valid ? [`${file}: valid`] : [`${file}: ${counted(findings.length, 'problem')}`, ...formatFindings(findings).map((line) => `  ${line}`)]
}
