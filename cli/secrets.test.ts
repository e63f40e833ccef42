import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkSources, configMapFile, secretValues, type LocalSources } from './secrets.ts'

let folder = ''
const file = (name: string): string => join(folder, name)

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'llmbatch-secrets-'))
  writeFileSync(file('openai.env'), '# the key\nexport API_KEY="sk-file"\nOTHER=1\n')
  writeFileSync(file('empty.env'), 'OTHER=1\nAPI_KEY=\n')
  writeFileSync(file('half.env'), 'AWS_ACCESS_KEY_ID=id-file\n')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const sources = (change: Partial<LocalSources>): LocalSources => ({ secret: [], configMap: [], env: {}, ...change })
const provider = { name: 'openai', field: 'spec.provider.credentialsSecretRef', keys: ['API_KEY'] }
const storage = { name: 's3', field: 'spec.storage.credentialsSecretRef', keys: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'], optionalKeys: ['AWS_SESSION_TOKEN'] }

describe('the keys of a Secret', () => {
  it('come from the file that --secret names, before the environment, and only those that are asked for', () => {
    expect(secretValues(provider, sources({ secret: [`openai=${file('openai.env')}`], env: { API_KEY: 'sk-env' } }))).toEqual({ API_KEY: 'sk-file' })
  })

  it('come from the environment when no --secret is given, an optional one if it is there', () => {
    const env = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', OTHER: 'x' }
    expect(secretValues(storage, sources({ env }))).toEqual({ AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' })
    expect(secretValues(storage, sources({ env: { ...env, AWS_SESSION_TOKEN: 'token' } }))).toMatchObject({ AWS_SESSION_TOKEN: 'token' })
  })

  it('that are nowhere are missed with both ways named', () => {
    const missing = (): unknown => secretValues(provider, sources({ env: { API_KEY: '' } }))
    expect(missing).toThrow(expect.objectContaining({ code: 'SecretNotFound' }))
    expect(missing).toThrow('Secret openai of spec.provider.credentialsSecretRef: neither --secret openai=ENVFILE is given nor is API_KEY set in the environment')
  })

  it('are never taken from the environment when the file lacks one', () => {
    expect(() => secretValues(provider, sources({ secret: [`openai=${file('empty.env')}`], env: { API_KEY: 'sk-env' } }))).toThrow('has no line API_KEY=')
    expect(() => secretValues(storage, sources({ secret: [`s3=${file('half.env')}`], env: { AWS_SECRET_ACCESS_KEY: 'env' } }))).toThrow('has no line AWS_SECRET_ACCESS_KEY=')
    expect(() => secretValues(provider, sources({ secret: [`openai=${file('nowhere.env')}`] }))).toThrow('nowhere.env, given by --secret, cannot be read')
  })
})

describe('options for Secrets and ConfigMaps', () => {
  const named = { secrets: ['openai', 's3'], configMaps: [] }

  it('that name none of the job are refused, as are options of another form', () => {
    expect(() => checkSources(sources({ secret: ['openai=a', 's3=b'] }), named)).not.toThrow()
    expect(() => checkSources(sources({ secret: ['opnai=a'] }), named)).toThrow('--secret opnai=a: the job names the Secret openai and s3, not opnai')
    expect(() => checkSources(sources({ configMap: ['ca=a'] }), named)).toThrow('--config-map ca=a: the job names no ConfigMap, not ca')
    expect(() => checkSources(sources({ secret: ['openai'] }), named)).toThrow('--secret openai is not NAME=ENVFILE')
    expect(() => checkSources(sources({ configMap: ['=ca.crt'] }), named)).toThrow(expect.objectContaining({ code: 'ConfigMapNotFound' }))
  })

  it('give the file of a ConfigMap, the last one of its name', () => {
    expect(configMapFile('ca', 'spec.storage.caBundleConfigMapRef', sources({ configMap: ['ca=old.crt', 'other=x', 'ca=new.crt'] }))).toBe('new.crt')
    expect(() => configMapFile('ca', 'spec.storage.caBundleConfigMapRef', sources({}))).toThrow('ConfigMap ca of spec.storage.caBundleConfigMapRef: --config-map ca=FILE is not given')
  })
})
