import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ERROR_CATALOGUE, isErrorCode, LlmbatchError, messageOf } from './errors.ts'
import { exitClass } from './exit-codes.ts'

const root = join(import.meta.dirname, '..')
const codes = Object.keys(ERROR_CATALOGUE)

describe('the error catalogue', () => {
  it('is documented in docs/errors.md, code by code, and nothing else is', () => {
    const sections = readFileSync(join(root, 'docs/errors.md'), 'utf8').split(/^## /m).slice(1)
    expect(sections.map((section) => section.slice(0, section.indexOf('\n')))).toEqual(codes)
    for (const [i, { summary, remedy, exitCode }] of Object.values(ERROR_CATALOGUE).entries()) {
      for (const part of [summary, remedy, `Exit code of a runner.** ${exitCode} `]) expect(sections[i]).toContain(part)
    }
  })

  it('holds no code that nothing reports', () => {
    const sources = ['cli', 'crds', 'operator', 'runner', 'simulator'].flatMap((folder) => sourcesIn(join(root, folder)))
    const text = sources.map((path) => readFileSync(path, 'utf8')).join('\n')
    expect(codes.filter((code) => !text.includes(`'${code}'`))).toEqual([])
  })

  it('says what happened and what to do, in sentences, and gives no exit code of success or memory', () => {
    for (const [code, { summary, remedy, exitCode }] of Object.entries(ERROR_CATALOGUE)) {
      expect(code).toMatch(/^[A-Z][A-Za-z]+$/)
      for (const text of [summary, remedy]) expect(text, code).toMatch(/^(?:[A-Z]|llmbatch ).*\.$/)
      expect(['FailJob', 'Counted', 'Stopped'], code).toContain(exitClass(exitCode))
    }
  })
})

describe('LlmbatchError', () => {
  it('carries its code, exit code, remedy and cause', () => {
    const cause = new Error('low level')
    const error = new LlmbatchError('AuthFailed', 'the key was refused', { cause })
    expect(error).toMatchObject({ code: 'AuthFailed', message: 'the key was refused', exitCode: 77, remedy: ERROR_CATALOGUE.AuthFailed.remedy, cause })
    expect(isErrorCode(error.code)).toBe(true)
    expect(isErrorCode('toString')).toBe(false)
  })

  it('has a message for whatever was thrown', () => {
    expect([messageOf(new Error('a')), messageOf('b'), messageOf(undefined)]).toEqual(['a', 'b', 'undefined'])
  })
})

/** TypeScript sources below a folder, without tests and the catalogue itself. */
function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .filter((path) => relative(root, path) !== 'crds/errors.ts')
}
