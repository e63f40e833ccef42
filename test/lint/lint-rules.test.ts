import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** Files that break one rule each: name, content, the rule that must say so. */
const BAD: readonly (readonly [file: string, content: string, rule: string])[] = [
  ['crds/date.ts', 'export const now = Date.now()', 'no-restricted-globals'],
  ['operator/core/timer.ts', 'export const later = (f: () => void) => setTimeout(f, 1)', 'no-restricted-globals'],
  ['operator/interval.ts', 'export const again = (f: () => void) => setInterval(f, 1)', 'no-restricted-globals'],
  ['runner/plan/immediate.ts', 'export const soon = (f: () => void) => setImmediate(f)', 'no-restricted-globals'],
  ['runner/advance/clock.ts', 'export const start = performance.now()', 'no-restricted-globals'],
  ['runner/provider/network.ts', "export const get = () => fetch('http://localhost')", 'no-restricted-globals'],
  ['simulator/uuid.ts', 'export const id = () => crypto.randomUUID()', 'no-restricted-globals'],
  ['simulator/hidden.ts', 'export const now = () => new globalThis.Date()', 'no-restricted-globals'],
  ['runner/merge/random.ts', 'export const luck = () => Math.random()', 'no-restricted-properties'],
  ['simulator/hrtime.ts', 'export const time = () => process.hrtime()', 'no-restricted-properties'],
  ['runner/ledger/random-bytes.ts', "import { randomBytes } from 'node:crypto'\nexport const nonce = () => randomBytes(12)", 'no-restricted-imports'],
  ['runner/ledger/whole-crypto.ts', "import * as all from 'node:crypto'\nexport const nonce = () => all.randomBytes(12)", 'no-restricted-imports'],
  ['crds/bare-crypto.ts', "import { createHash } from 'crypto'\nexport const hash = () => createHash('sha256')", 'no-restricted-imports'],
  ['operator/core/timers.ts', "import { setTimeout as sleep } from 'node:timers/promises'\nexport const wait = () => sleep(1)", 'no-restricted-imports'],
  ['operator/core/process.ts', "import { spawn } from 'node:child_process'\nexport const start = () => spawn('ls')", 'no-restricted-imports'],
  ['runner/formats/disk.ts', "import { readFileSync } from 'node:fs'\nexport const read = () => readFileSync('/etc/hosts')", 'no-restricted-imports'],
  ['runner/storage/disk.ts', "import { open } from 'node:fs/promises'\nexport const read = () => open('/etc/hosts')", 'no-restricted-imports'],
  ['simulator/socket.ts', "import { connect } from 'net'\nexport const dial = () => connect(80)", 'no-restricted-imports'],
  ['crds/imports-runner.ts', "export { one } from '../runner/one.ts'", 'no-restricted-imports'],
  ['operator/core/imports-runner.ts', "import { one } from '../../runner/one.ts'\nexport const two = one + 1", 'no-restricted-imports'],
  ['operator/local/imports-cli.ts', "import { one } from '../../cli/one.ts'\nexport const two = one + 1", 'no-restricted-imports'],
  ['operator/imports-types.ts', "import type { One } from '../simulator/one.ts'\nexport type Two = One", 'no-restricted-imports'],
  ['runner/plan/imports-operator.ts', "import { one } from '../../operator/one.ts'\nexport const two = one + 1", 'no-restricted-imports'],
  ['runner/main.ts', "import { one } from '../simulator/one.ts'\nexport const two = one + 1", 'no-restricted-imports'],
  ['simulator/imports-crds.ts', "import { one } from '../crds/one.ts'\nexport const two = one + 1", 'no-restricted-imports'],
  ['simulator/http-server.ts', "import { one } from '../runner/one.ts'\nexport const two = one + 1", 'no-restricted-imports'],
  ['cli/imports-test.ts', "import { one } from '../test/one.ts'\nexport const two = one + 1", 'no-restricted-imports'],
  ['cli/floating.ts', 'export function start(work: () => Promise<void>): void {\n  work()\n}', 'no-floating-promises'],
  ['cli/misused.ts', 'export const start = (list: number[], work: () => Promise<void>) => list.forEach(async () => { await work() })', 'no-misused-promises'],
  ['cli/awaited.ts', 'export const value = async () => await 1', 'await-thenable'],
  ['cli/switch.ts', "export function f(x: 'a' | 'b'): number {\n  switch (x) {\n    case 'a':\n      return 1\n  }\n  return 2\n}", 'switch-exhaustiveness-check'],
  ['cli/any.ts', 'export const f = (x: any): boolean => x === 1', 'no-explicit-any'],
  ['cli/non-null.ts', 'export const f = (list: number[]): number => list[0]!', 'no-non-null-assertion'],
  ['cli/assignment.ts', "export function f(): unknown {\n  const x = JSON.parse('1')\n  return x as unknown\n}", 'no-unsafe-assignment'],
  ['cli/call.ts', "export const f = (): unknown => JSON.parse('1')() as unknown", 'no-unsafe-call'],
  ['cli/member.ts', "export const f = (): unknown => JSON.parse('{}').x as unknown", 'no-unsafe-member-access'],
  ['cli/return.ts', "export const f = (): string => JSON.parse('1')", 'no-unsafe-return'],
  ['cli/argument.ts', "export const f = (): number => Number.parseInt(JSON.parse('1'))", 'no-unsafe-argument'],
  ['cli/type-import.ts', "import { One } from './one.ts'\nexport type Two = One", 'consistent-type-imports'],
  ['cli/ts-comment.ts', '// @ts-ignore\nexport const x: number = 1', 'ban-ts-comment'],
  ['cli/default.ts', 'export default 1', 'no-default-export'],
  ['cli/correctness.ts', 'export const f = (x: number): boolean => x === Number.NaN', 'use-isnan'],
]

const TOUCHES_THE_MACHINE = [
  "import { randomBytes } from 'node:crypto'",
  "import { readFileSync } from 'node:fs'",
  "import { one } from '../crds/one.ts'",
  "export const all = () => [randomBytes(1), readFileSync('/etc/hosts'), Date.now(), Math.random(), setTimeout(() => one, 1)]",
].join('\n')

/** Edges, which may touch the machine, and tests. */
const GOOD: readonly (readonly [file: string, content: string])[] = [
  ...['operator/local/edge.ts', 'runner/ports/system-clock.ts', 'runner/ports/file-scratch.ts', 'runner/ports/node-http.ts', 'runner/storage/file-storage.ts'].map(
    (file) => [file, TOUCHES_THE_MACHINE.replace('../crds', file.split('/').length > 2 ? '../../crds' : '../crds')] as const,
  ),
  ...['simulator/folder-store.ts', 'simulator/detached.ts'].map((file) => [file, TOUCHES_THE_MACHINE.replace("import { one } from '../crds/one.ts'", 'const one = 1')] as const),
  ['cli/main.ts', TOUCHES_THE_MACHINE],
  ['runner/plan/plan.test.ts', TOUCHES_THE_MACHINE.replace('../crds', '../../operator')],
  ['runner/plan/imports-crds.ts', "import { createHash } from 'node:crypto'\nimport { one } from '../../crds/one.ts'\nexport const two = () => [createHash('sha256'), one]"],
  ['operator/core/imports-local.ts', "import { one } from '../one.ts'\nexport const two = one + 1"],
]

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[]
}

describe('.oxlintrc.json', () => {
  let folder: string
  let report: Report

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'llmbatch-lint-'))
    for (const name of ['.oxlintrc.json', 'tsconfig.json']) await copyFile(join(root, name), join(folder, name))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    const parts = ['crds', 'operator', 'runner', 'simulator', 'cli', 'test'].map((part) => [`${part}/one.ts`, 'export const one = 1\nexport type One = number\n'] as const)
    for (const [file, content] of [...parts, ...BAD, ...GOOD]) {
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await writeFile(join(folder, file), `${content}\n`)
    }
    report = JSON.parse(await oxlint(folder)) as Report
  }, 120_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const codesOf = (file: string) => [...new Set(report.diagnostics.filter(({ filename }) => filename.endsWith(join(file))).map(({ code }) => code.replace(/^.*\((.*)\)$/, '$1')))]

  it.each(BAD)('refuses %s', (file, _, rule) => {
    expect(codesOf(file)).toContain(rule)
  })

  it.each(GOOD)('takes %s', (file) => {
    expect(codesOf(file)).toEqual([])
  })
})

/** Runs oxlint as `npm run lint` does, and returns its report; findings make it exit with 1. */
function oxlint(folder: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = ['--type-aware', '--deny-warnings', '--format=json', 'crds', 'operator', 'runner', 'simulator', 'cli', 'test']
    execFile(join(root, 'node_modules/.bin/oxlint'), args, { cwd: folder, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error !== null && error.code !== 1) reject(new Error(`oxlint failed: ${stderr}`, { cause: error }))
      else resolve(stdout)
    })
  })
}
