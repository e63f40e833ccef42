import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { DEFAULT_BEHAVIOUR } from './behaviour.ts'
import { readBehaviour, serveSimulator } from './serve.ts'

const USAGE = 'usage: node simulator/main.ts --state DIR [--port N] [--behaviour FILE|JSON] [--idle-exit-seconds N]'

function integer(name: string, text: string, maximum: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > maximum) throw new Error(`--${name} must be an integer from 0 to ${maximum}\n${USAGE}`)
  return value
}

function logError(error: unknown): void {
  console.error(error instanceof Error ? (error.stack ?? error.message) : error)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { state: { type: 'string' }, port: { type: 'string' }, behaviour: { type: 'string' }, 'idle-exit-seconds': { type: 'string' } },
  })
  if (values.state === undefined) throw new Error(USAGE)
  const simulator = await serveSimulator({
    stateFolder: resolve(values.state),
    port: integer('port', values.port ?? '0', 65_535),
    behaviour: values.behaviour === undefined ? DEFAULT_BEHAVIOUR : await readBehaviour(values.behaviour),
    idleExitSeconds: integer('idle-exit-seconds', values['idle-exit-seconds'] ?? '0', 1_000_000),
    onError: logError,
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void simulator.stop().catch(logError))
  console.log(`simulator: ${simulator.url}`)
  await simulator.stopped
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
