import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, startCli } from './cli-process.ts'

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const VALID = pathOf('../examples/wordnet/job.yaml')
const WRONG = pathOf('testdata/wrong-enum.yaml')
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'llmbatch-cli-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('llmbatch', () => {
  it.each([[[]], [['validate']], [['run']], [['simulate']]])('%s --help tells what it does, with examples', async (command) => {
    const { code, stdout } = await runCli([...command, '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain(`Usage: llmbatch ${command.join('')}`.trim())
    expect(stdout).toMatch(/Examples:\n {2}\$ llmbatch /)
  })

  it('runs through a symbolic link', async () => {
    symlinkSync(pathOf('../bin/llmbatch'), join(folder, 'direct'))
    symlinkSync('direct', join(folder, 'relative'))
    const { code, stdout } = await startCli(['--version'], {}, join(folder, 'relative')).ended
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as unknown })
  })

  it.each([[['--colour']], [['validate']], [['run', 'a.yaml', 'b.yaml']], [['simulate', '--port', '70000']], [['simulate', '--behaviour', '{"speed": 1}']]])('%s is a wrong command line: exit code 64', async (args) => {
    const { code, stderr } = await runCli(args)
    expect(code).toBe(64)
    expect(stderr).toContain('error: ')
  })
})

describe('llmbatch validate', () => {
  it('exits with 0 when every file is valid', async () => {
    expect(await runCli(['validate', VALID])).toEqual({ code: 0, stdout: `${VALID}: valid\n`, stderr: '' })
  })

  it('names the problems of every file and exits with 64', async () => {
    const { code, stdout } = await runCli(['validate', VALID, WRONG, '/nonexistent.yaml'])
    expect(code).toBe(64)
    expect(stdout).toBe(`${VALID}: valid
${WRONG}: 2 problems
  line 6: spec.output.ifExists is "Replace"
    write one of Fail, Overwrite
  line 10: spec.provider.type is "Openai"
    write OpenAI; the values are OpenAI, Simulated
/nonexistent.yaml: 1 problem
  /nonexistent.yaml cannot be read: there is no such file
`)
  })

  it('reads standard input as -', async () => {
    const { code, stdout } = await startCli(['validate', '-'], {}, undefined, readFileSync(WRONG)).ended
    expect({ code, stdout }).toEqual({ code: 64, stdout: expect.stringContaining('-: 2 problems\n  line 6: spec.output.ifExists is "Replace"') as unknown })
  })

  it('writes the same as JSON', async () => {
    const { code, stdout } = await runCli(['validate', WRONG, '-o', 'json'])
    expect(code).toBe(64)
    expect(JSON.parse(stdout)).toEqual([
      {
        file: WRONG,
        valid: false,
        findings: [
          { code: 'InvalidJob', field: 'spec.output.ifExists', problem: 'is "Replace"', instead: 'write one of Fail, Overwrite', line: 6 },
          { code: 'InvalidJob', field: 'spec.provider.type', problem: 'is "Openai"', instead: 'write OpenAI; the values are OpenAI, Simulated', line: 10 },
        ],
      },
    ])
  })
})

describe('llmbatch run, before anything runs', () => {
  it('refuses an invalid manifest with its problems', async () => {
    const { code, stderr } = await runCli(['run', WRONG])
    expect(code).toBe(64)
    expect(stderr).toContain('InvalidJob: ')
    expect(stderr).toContain('line 6: spec.output.ifExists is "Replace"')
  })

  it('asks for the key of the provider: exit code 77', async () => {
    const { code, stderr } = await runCli(['run', pathOf('../examples/openai/job.yaml')])
    expect(code).toBe(77)
    expect(stderr).toContain('SecretNotFound: Secret openai of spec.provider.credentialsSecretRef: neither --secret openai=ENVFILE is given nor is API_KEY set')
  })
})
