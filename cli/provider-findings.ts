import type { Finding } from './findings.ts'
import { fieldsAt, textAt, type PartialSpec } from './partial-spec.ts'
import { nearest } from './schema-findings.ts'

/** What is wrong with the provider's address, credentials and prices, beyond their schema. */
export function providerFindings(spec: PartialSpec): Finding[] {
  return [...baseUrlFindings(spec), ...secretFindings(spec), ...priceFindings(spec)]
}

function baseUrlFindings(spec: PartialSpec): Finding[] {
  const path = ['spec', 'provider', 'baseURL']
  const baseURL = textAt(spec, 'provider', 'baseURL')
  if (baseURL === undefined || !/^https?:\/\//.test(baseURL)) return []
  if (!URL.canParse(baseURL)) return [{ path, problem: `is no URL: ${JSON.stringify(baseURL)}`, instead: 'write e.g. https://api.openai.com/v1' }]
  const url = new URL(baseURL)
  const root = `${url.origin}${url.pathname}`.replace(/\/+$/, '')
  if (url.username !== '' || url.password !== '') return [{ path, problem: 'holds credentials', instead: `write ${root}, and keep the key in the Secret of spec.provider.credentialsSecretRef` }]
  if (url.search !== '' || url.hash !== '') return [{ path, problem: `has ${url.search === '' ? `the fragment ${url.hash}` : `the query ${url.search}`}`, instead: `write ${root}` }]
  const call = /\/(chat\/completions|completions|responses|batches|files)$/.exec(root)
  if (call !== null) return [{ path, problem: 'is the address of one call', instead: `write the root of the API: ${root.slice(0, call.index)}` }]
  if (root === 'https://api.openai.com') return [{ path, problem: 'lacks the version', instead: 'write https://api.openai.com/v1, or leave it out' }]
  return []
}

function secretFindings(spec: PartialSpec): Finding[] {
  const name = textAt(spec, 'provider', 'credentialsSecretRef', 'name')
  if (name === undefined || !/^sk-.{16,}/.test(name)) return []
  return [{ path: ['spec', 'provider', 'credentialsSecretRef', 'name'], problem: 'is a key, and must be the name of the Secret that holds it', instead: 'revoke the key if the manifest was shared; keep a new one in a Secret as API_KEY' }]
}

function priceFindings(spec: PartialSpec): Finding[] {
  const model = textAt(spec, 'request', 'model')
  const models = Object.keys(fieldsAt(spec, 'provider', 'prices'))
  if (model === undefined || model === '' || models.length === 0 || models.includes(model)) return []
  const near = nearest(model, models)
  const instead = near === undefined ? `add prices for ${model}` : `write ${near} here, or ${model} in spec.provider.prices`
  return near === undefined
    ? [{ path: ['spec', 'provider', 'prices'], problem: `has no price for spec.request.model ${model}`, instead: `${instead}, or leave the table out: the cost is then unknown` }]
    : [{ path: ['spec', 'request', 'model'], problem: `is ${model}, which has no entry in spec.provider.prices`, instead }]
}
