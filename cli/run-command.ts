import { dirname, join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { ERROR_CATALOGUE, isErrorCode, LlmbatchError, messageOf } from '../crds/errors.ts'
import { EXIT } from '../crds/exit-codes.ts'
import { ensureSimulator } from '../simulator/detached.ts'
import { configMapOption, secretOption } from './credential-options.ts'
import { loadJob } from './load-job.ts'
import { localJob, shownUri, withSimulator, type LocalJob } from './local-job.ts'
import { resultLines } from './result-view.ts'
import { runLocally, type LocalRun } from './run-locally.ts'
import { checkCredentialOptions, runnerCredentials } from './runner-credentials.ts'
import type { LocalSources } from './secrets.ts'
import { stopSignals } from './stop-signals.ts'

/** Columns of the result where there is no terminal. */
const PLAIN_WIDTH = 120

interface RunOptions {
  readonly provider?: 'simulated'
  readonly simulatorState?: string
  readonly secret: readonly string[]
  readonly configMap: readonly string[]
  readonly output: 'text' | 'json'
}

/** `llmbatch run FILE`: exit code 0 when the job is complete, else that of the reason's entry in the error catalogue. */
export function runCommand(): Command {
  return new Command('run')
    .description('Run a job on this machine to its end. Run it again after any interruption: it goes on where it stopped.')
    .argument('<file>', 'manifest with one LlmBatchJob; its file:./x are relative to the folder of this file')
    .addOption(new Option('--provider <provider>', 'ask the simulator in place of the provider of the job').choices(['simulated']))
    .option('--simulator-state <dir>', 'where the simulator keeps files, batches and its bill (default: .llmbatch-simulator/ beside the job file)')
    .addOption(secretOption())
    .addOption(configMapOption())
    .addOption(new Option('-o, --output <format>', 'how the end is printed: text, or json: {job, reason, message, providerAsked, status}').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nProgress goes to stderr, the result to stdout.\n\nExamples:\n  $ llmbatch run examples/wordnet/job.yaml\n  $ llmbatch run job.yaml --provider simulated\n  $ llmbatch run job.yaml --secret openai=openai.env\n')
    .action(run)
}

async function run(file: string, options: RunOptions): Promise<void> {
  const signals = stopSignals()
  try {
    const { job, runnerEnv } = await prepare(file, options)
    const ended = await runLocally({ job, runnerEnv, env: process.env, stream: process.stderr, signals })
    if (options.output === 'json') {
      const { reason, message, providerAsked, status } = ended
      process.stdout.write(`${JSON.stringify({ job: job.name, reason, message, providerAsked, status }, null, 2)}\n`)
    } else if (ended.complete) {
      process.stdout.write(`${finalLines(job, ended).join('\n')}\n`)
    }
    if (!ended.complete) process.exitCode = reportFailure(ended)
  } catch (error) {
    const signal = signals.received()
    if (signal === null) throw error
    process.stderr.write(`Stopped. Run it again to go on where it stopped: ${commandLine(file, options)}\n`)
    process.exitCode = signal === 'SIGINT' ? 130 : EXIT.stopped
  } finally {
    signals.close()
  }
}

/** The command that was given, to be given again. */
function commandLine(file: string, { provider, simulatorState, secret, configMap }: RunOptions): string {
  const options = [
    ...(provider === undefined ? [] : ['--provider', provider]),
    ...(simulatorState === undefined ? [] : ['--simulator-state', simulatorState]),
    ...secret.flatMap((each) => ['--secret', each]),
    ...configMap.flatMap((each) => ['--config-map', each]),
  ]
  return ['llmbatch', 'run', file, ...options].map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ')
}

/** The job as it is run, and the credentials of its runners; starts the simulator where one is asked for. */
async function prepare(file: string, options: RunOptions): Promise<{ job: LocalJob; runnerEnv: Record<string, string> }> {
  const job = localJob(await loadJob(file), file)
  const sources: LocalSources = { secret: options.secret, configMap: options.configMap, env: process.env }
  checkCredentialOptions([job.spec], sources)
  const { provider } = job.spec
  if (options.provider === 'simulated' || (provider.type === 'Simulated' && provider.baseURL === undefined)) {
    // Before the simulator is started: without credentials for storage there is no use for it.
    const runnerEnv = runnerCredentials({ ...job.spec, provider: { type: 'Simulated' } }, sources)
    return { job: withSimulator(job, await startSimulator(resolve(options.simulatorState ?? join(dirname(file), '.llmbatch-simulator')))), runnerEnv }
  }
  return { job, runnerEnv: runnerCredentials(job.spec, sources) }
}

async function startSimulator(state: string): Promise<string> {
  try {
    return (await ensureSimulator(state)).url
  } catch (error) {
    throw new LlmbatchError('SimulatorUnavailable', messageOf(error), { cause: error })
  }
}

function finalLines(job: LocalJob, { status, providerAsked, elapsedMs, sample }: LocalRun): string[] {
  const result = {
    rows: { total: status.rows?.total ?? 0, failed: status.rows?.failed ?? 0 },
    tokens: status.tokens ?? { input: 0, output: 0 },
    cost: status.cost ?? '-',
    output: shownUri(status.output?.uri ?? job.spec.output.uri),
    files: status.output?.files ?? 0,
    elapsedMs,
    nothingAsked: !providerAsked,
    ...(sample === null ? {} : { sample }),
  }
  return resultLines(result, process.stdout.isTTY ? process.stdout.columns : PLAIN_WIDTH)
}

function reportFailure({ reason, message }: LocalRun): number {
  const entry = isErrorCode(reason) ? ERROR_CATALOGUE[reason] : undefined
  process.stderr.write(`${reason}: ${message}\n${entry === undefined ? '' : `${entry.remedy}\n`}`)
  return entry?.exitCode ?? EXIT.bug
}
