/** `llmbatch`: the command line. bin/llmbatch starts it with a Node that can. */
import { enableCompileCache } from 'node:module'
import { Command, CommanderError } from 'commander'
import { LlmbatchError } from '../crds/errors.ts'
import { EXIT } from '../crds/exit-codes.ts'
import packageJson from '../package.json' with { type: 'json' }
import { runCommand } from './run-command.ts'
import { simulateCommand } from './simulate-command.ts'
import { validateCommand } from './validate-command.ts'

enableCompileCache()

const program = new Command('llmbatch')
  .description('Asks an LLM once per row of a Parquet file, through a provider\'s batch API, and writes the rows back with the answers beside them.')
  .version(packageJson.version)
  .addCommand(validateCommand())
  .addCommand(runCommand())
  .addCommand(simulateCommand())
  .addHelpText('after', '\nExamples:\n  $ llmbatch validate job.yaml\n  $ llmbatch run job.yaml --provider simulated\n  $ llmbatch simulate --port 8080\n')
for (const command of [program, ...program.commands]) command.exitOverride().showHelpAfterError(`(llmbatch ${command === program ? '' : `${command.name()} `}--help tells more)`)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed its message; its own exit code for a wrong command line is 1.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.config
  } else if (error instanceof LlmbatchError) {
    process.stderr.write(`${error.code}: ${error.message}\n${error.remedy}\n`)
    process.exitCode = error.exitCode
  } else {
    process.stderr.write(`InternalError: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\nPlease report this; running the job again is safe.\n`)
    process.exitCode = EXIT.bug
  }
}
