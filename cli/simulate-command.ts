import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { LlmbatchError, messageOf } from '../crds/errors.ts'
import { DEFAULT_BEHAVIOUR, type Behaviour } from '../simulator/behaviour.ts'
import { readBehaviour, serveSimulator, type RunningSimulator } from '../simulator/serve.ts'
import { stopSignals } from './stop-signals.ts'

interface SimulateOptions {
  readonly port: number
  readonly state: string
  readonly behaviour?: string
}

/** `llmbatch simulate`: serves until it is stopped, then exits with 0. */
export function simulateCommand(): Command {
  return new Command('simulate')
    .description("Serve a simulated provider that speaks OpenAI's files and batches API on 127.0.0.1, bills, and misbehaves on request.")
    .option('--port <n>', 'port to listen on; 0 is any free one', parsePort, 0)
    .option('--state <dir>', 'folder that keeps files, batches and the bill', '.llmbatch-simulator')
    .option('--behaviour <file|json>', 'how long batches take, which rows fail, which calls go wrong; every field is optional (default: a batch takes about a second, and nothing fails)')
    .addHelpText(
      'after',
      `
The behaviour is a JSON object with any of these fields: ${Object.keys(DEFAULT_BEHAVIOUR).join(', ')}.

Examples:
  $ llmbatch simulate --port 8080
  $ llmbatch simulate --behaviour '{"rows": {"expired": 0.01, "refused": 0.001}, "listLagSeconds": 0.5}'
  $ llmbatch run job.yaml --provider simulated --simulator-state .llmbatch-simulator   # in another terminal
`,
    )
    .action(simulate)
}

async function simulate(options: SimulateOptions, command: Command): Promise<void> {
  const behaviour = await behaviourOf(options, command)
  const stateFolder = resolve(options.state)
  const signals = stopSignals()
  try {
    const simulator = await serve(stateFolder, options.port, behaviour)
    process.stdout.write(`${greeting(simulator.url, stateFolder).join('\n')}\n`)
    const stop = (): void => void simulator.stop().catch(logError)
    if (signals.signal.aborted) stop()
    else signals.signal.addEventListener('abort', stop, { once: true })
    await simulator.stopped
  } finally {
    signals.close()
  }
}

async function behaviourOf({ behaviour }: SimulateOptions, command: Command): Promise<Behaviour> {
  if (behaviour === undefined) return DEFAULT_BEHAVIOUR
  try {
    return await readBehaviour(behaviour)
  } catch (error) {
    return command.error(`error: option '--behaviour': ${messageOf(error)}`)
  }
}

async function serve(stateFolder: string, port: number, behaviour: Behaviour): Promise<RunningSimulator> {
  try {
    return await serveSimulator({ stateFolder, port, behaviour, idleExitSeconds: 0, onError: logError })
  } catch (error) {
    throw new LlmbatchError('SimulatorUnavailable', messageOf(error), { cause: error })
  }
}

function greeting(url: string, stateFolder: string): string[] {
  return [
    `The simulator listens on ${url} and keeps its state in ${stateFolder}`,
    '',
    'Jobs ask it with',
    '  spec:',
    `    provider: {type: Simulated, baseURL: "${url}/v1"}`,
    'or, whatever their provider,',
    `  llmbatch run FILE --provider simulated --simulator-state ${stateFolder}`,
    `Its bill, one line for each request that it accepted: ${url}/simulator/bill`,
    '',
    'Ctrl-C stops it; what it keeps stays.',
  ]
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('It is a number from 0 to 65535.')
  return port
}

function logError(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
}
