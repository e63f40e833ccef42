import type { Outcome } from '../crds/generated/outcome.ts'
import { formatTime } from '../crds/rfc3339.ts'
import type { RunnerProgress } from '../crds/progress.ts'
import type { RunnerInput } from '../crds/runner-environment.ts'
import type { OutputAssembler } from './formats/output-assembler.ts'
import type { RowSource } from './formats/row-source.ts'
import type { Cut } from './plan/cut.ts'
import type { Ports } from './ports/ports.ts'
import type { BatchProvider } from './provider/batch-provider.ts'
import type { ProviderLimits } from './provider/limits.ts'

/** What a mode is made from: the ports, and the parts that stand between them and the core. */
export interface Parts {
  readonly ports: Ports
  readonly source: RowSource
  readonly assembler: OutputAssembler
  readonly provider: BatchProvider
  readonly limits: ProviderLimits
  readonly cut: Cut
  /** For display only. */
  readonly report: (progress: RunnerProgress) => void
}

/** A mode of the runner: idempotent, and at its end at once when nothing is left to do. */
export type RunMode = (parts: Parts, input: RunnerInput) => Promise<Outcome>

/** nextPollTime of an outcome, so many seconds from now. */
export function pollTime(parts: Pick<Parts, 'ports'>, seconds: number): string {
  return formatTime(parts.ports.clock.now() + seconds * 1000)
}
