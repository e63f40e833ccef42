import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { providerApiKey } from './secrets.ts'

let folder = ''
const file = (name: string): string => join(folder, name)

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'llmbatch-secrets-'))
  writeFileSync(file('openai.env'), '# the key\nexport API_KEY="sk-file"\nOTHER=1\n')
  writeFileSync(file('empty.env'), 'OTHER=1\nAPI_KEY=\n')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the key of the provider', () => {
  it('comes from the file that --secret names, before the environment', () => {
    expect(providerApiKey('openai', [`openai=${file('openai.env')}`], { API_KEY: 'sk-env' })).toBe('sk-file')
  })

  it('comes from the environment when no --secret is given', () => {
    expect(providerApiKey('openai', [], { API_KEY: 'sk-env' })).toBe('sk-env')
  })

  it('that is nowhere is missed with both ways named', () => {
    const missing = (): string => providerApiKey('openai', [], { API_KEY: '' })
    expect(missing).toThrow(expect.objectContaining({ code: 'SecretNotFound' }))
    expect(missing).toThrow('neither --secret openai=ENVFILE is given nor is API_KEY set in the environment')
  })

  it('is never taken from the environment when the file has none', () => {
    expect(() => providerApiKey('openai', [`openai=${file('empty.env')}`], { API_KEY: 'sk-env' })).toThrow('has no line API_KEY=')
    expect(() => providerApiKey('openai', [`openai=${file('nowhere.env')}`], { API_KEY: 'sk-env' })).toThrow('nowhere.env, given by --secret, cannot be read')
  })

  it('for a Secret that the job does not name is refused, as is an option of another form', () => {
    expect(() => providerApiKey('openai', [`opnai=${file('openai.env')}`], {})).toThrow('the job names the Secret openai, not opnai')
    expect(() => providerApiKey('openai', ['openai'], {})).toThrow('--secret openai is not NAME=ENVFILE')
  })
})
