import { LlmbatchError } from '../crds/errors.ts'
import type { LlmBatchJobSpec } from '../crds/generated/llmbatchjob.ts'
import { compileTemplate } from '../runner/plan/prompt-template.ts'
import type { FieldPath, Finding } from './findings.ts'

/** What a schema cannot say: template syntax and what URIs mean. Fields of the wrong type are passed over; the schema names them. */
export function meaningFindings(spec: PartialSpec): Finding[] {
  return [...templateFindings(spec), ...uriFindings(spec), ...baseUrlFindings(spec)]
}

/** A spec that may lack fields or have them in wrong types. */
type PartialSpec = { readonly [Part in keyof LlmBatchJobSpec]?: unknown }

function templateFindings(spec: PartialSpec): Finding[] {
  const prompt = stringAt(spec, ['request', 'prompt'])
  if (prompt === undefined) return []
  const path = ['spec', 'request', 'prompt']
  try {
    compileTemplate(prompt)
    return []
  } catch (error) {
    if (!(error instanceof LlmbatchError)) throw error
    return [{ path, problem: `has a template error: ${error.message.replace(/^spec\.request\.prompt:? /, '')}`, instead: error.remedy }]
  }
}

function uriFindings(spec: PartialSpec): Finding[] {
  const findings: Finding[] = []
  const input = stringAt(spec, ['input', 'uri'])
  for (const part of ['input', 'output', 'work'] as const) {
    const uri = stringAt(spec, [part, 'uri'])
    if (uri === undefined) continue
    const path: FieldPath = ['spec', part, 'uri']
    if (/^file:\/\/[^/]/.test(uri)) {
      const rest = uri.slice('file://'.length)
      findings.push({ path, problem: `names the host ${JSON.stringify(rest.split('/')[0])}`, instead: `write file:///${rest} for an absolute path, or file:./${rest} for one relative to the job file` })
    }
    if (/^s3:\/\/(\/|$)/.test(uri)) findings.push({ path, problem: 'names no bucket', instead: 'write s3://bucket/key' })
    if (part !== 'input' && uri.includes('*')) findings.push({ path, problem: 'has a `*`', instead: 'write one folder; only spec.input.uri is a pattern' })
    if (part !== 'input' && input !== undefined && scheme(uri) !== scheme(input) && scheme(uri) !== undefined && scheme(input) !== undefined) {
      findings.push({ path, problem: `is not in the store of spec.input.uri (${scheme(uri)} and ${scheme(input)})`, instead: 'keep input, output and work in one store' })
    }
  }
  return findings
}

function baseUrlFindings(spec: PartialSpec): Finding[] {
  const baseURL = stringAt(spec, ['provider', 'baseURL'])
  if (baseURL === undefined || !/^https?:\/\//.test(baseURL) || URL.canParse(baseURL)) return []
  return [{ path: ['spec', 'provider', 'baseURL'], problem: `is no URL: ${JSON.stringify(baseURL)}`, instead: 'write e.g. https://api.openai.com/v1' }]
}

function scheme(uri: string): string | undefined {
  return /^(file:|s3:)/.exec(uri)?.[0]
}

function stringAt(spec: PartialSpec, path: readonly [keyof LlmBatchJobSpec, string]): string | undefined {
  const part = spec[path[0]]
  const field = typeof part === 'object' && part !== null ? (part as Record<string, unknown>)[path[1]] : undefined
  return typeof field === 'string' ? field : undefined
}
