/**
 * Sums up what .ci/run did: `node test/suites/count.ts build/test/suites.tsv`. Each line of that file is a suite: name, exit code, seconds, JUnit
 * file or `-`. The last line printed is "N passed, N failed"; the exit code is 1 when anything failed.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { countJunit, type TestCounts } from './junit.ts'

interface SuiteLine {
  readonly name: string
  readonly exitCode: number
  readonly seconds: number
  /** JUnit file beside the list of suites, null for a suite that is one check. */
  readonly results: string | null
}

const [path] = process.argv.slice(2)
if (path === undefined) throw new TypeError('usage: node test/suites/count.ts SUITES_TSV')
const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
const suites = lines.map((line): SuiteLine => {
  const [name = '', exitCode = '', seconds = '', results = '-'] = line.split('\t')
  return { name, exitCode: Number(exitCode), seconds: Number(seconds), results: results === '-' ? null : results }
})

const total = { passed: 0, failed: 0 }
console.log('')
for (const suite of suites) {
  const { counts, note } = judge(suite, dirname(path))
  total.passed += counts.passed
  total.failed += counts.failed
  const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`
  console.log(`${suite.name.padEnd(10)} ${String(suite.seconds).padStart(5)} s  ${counts.passed} passed, ${counts.failed} failed${skipped}${note}`)
}
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 ? 0 : 1

/** A suite's counts. One that ended badly, wrote no results or ran no test counts a failure even if its results name none. */
function judge(suite: SuiteLine, folder: string): { counts: TestCounts; note: string } {
  const one = suite.exitCode === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }
  if (suite.results === null) return { counts: one, note: '' }
  const file = join(folder, suite.results)
  if (!existsSync(file)) return { counts: { passed: 0, failed: 1, skipped: 0 }, note: ` (${file} is missing)` }
  const counts = countJunit(readFileSync(file, 'utf8'))
  if (counts.failed > 0) return { counts, note: '' }
  if (suite.exitCode !== 0) return { counts: { ...counts, failed: 1 }, note: ` (exit code ${suite.exitCode})` }
  return counts.passed === 0 ? { counts: { ...counts, failed: 1 }, note: ' (no test ran)' } : { counts, note: '' }
}
