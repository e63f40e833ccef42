import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import addFormatsModule from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { IntervalSet } from './interval-set.ts'
import { decodeWireSet } from './wire-set.ts'

// ajv-formats is CommonJS; its function is the default export of the default export.
const addFormats = addFormatsModule.default
const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false })
addFormats(ajv)

const read = (folder: string, name: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, folder, name), 'utf8'))
const schemaNames = readdirSync(join(import.meta.dirname, 'schemas')).map((name) => name.replace('.schema.json', ''))
const validators = new Map(schemaNames.map((name) => [name, ajv.compile(read('schemas', `${name}.schema.json`) as object)]))
const goldenNames = readdirSync(join(import.meta.dirname, 'golden')).sort()

function validatorOf(golden: string): ValidateFunction {
  const validator = validators.get(golden.slice(0, golden.indexOf('.')))
  if (validator === undefined) throw new Error(`${golden} is named after no schema`)
  return validator
}

describe('golden files', () => {
  it('exist for each schema', () => {
    expect(new Set(goldenNames.map((name) => name.slice(0, name.indexOf('.'))))).toEqual(new Set(schemaNames))
  })

  it.each(goldenNames)('%s fits its schema', (name) => {
    const validate = validatorOf(name)
    validate(read('golden', name))
    expect(validate.errors ?? []).toEqual([])
  })

  it.each(goldenNames)('%s no longer fits with a field missing, one too many, or another schemaVersion', (name) => {
    const validate = validatorOf(name)
    const golden = read('golden', name) as Record<string, unknown>
    const { required } = validate.schema as { required: string[] }
    for (const field of required) expect(validate({ ...golden, [field]: undefined }), `without ${field}`).toBe(false)
    expect(validate({ ...golden, surprise: 1 })).toBe(false)
    if ('schemaVersion' in golden) expect(validate({ ...golden, schemaVersion: 2 })).toBe(false)
  })
})

describe('outcomes', () => {
  const outcomes = goldenNames.filter((name) => name.startsWith('outcome.'))

  it('fit a termination message: the largest, of 10,000 shards, has at most 3,900 bytes', () => {
    const sizes = outcomes.map((name) => Buffer.byteLength(JSON.stringify(read('golden', name))))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(3_900)
    expect(Math.max(...sizes)).toBeGreaterThan(3_700)
  })

  it('carry sets that can be read, done and wake apart', () => {
    const largest = read('golden', 'outcome.scout-largest.json') as { done: string; wake: string }
    const [done, wake] = [decodeWireSet(largest.done), decodeWireSet(largest.wake)]
    expect(done.intersect(wake).isEmpty).toBe(true)
    expect(done.union(wake).toString()).toBe('0-9999')
    expect(IntervalSet.parse((read('golden', 'outcome.advance.json') as { chunks: string }).chunks).size).toBe(5)
  })
})
