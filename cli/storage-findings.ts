import { isIP } from 'node:net'
import type { Finding } from './findings.ts'
import { fieldsAt, textAt, type PartialSpec } from './partial-spec.ts'

/** A regional host of AWS S3, with a bucket before it or not. */
const AWS_HOST = /^(?:(?<bucket>.+)\.)?(?<host>s3[.-](?:dualstack\.)?(?<region>[a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?)$/

/** What is wrong with spec.storage, beyond its schema. */
export function storageFindings(spec: PartialSpec): Finding[] {
  if (spec.storage === undefined || spec.storage === null) return []
  const findings: Finding[] = []
  const uris = (['input', 'output', 'work'] as const).flatMap((part) => textAt(spec, part, 'uri') ?? [])
  if (uris.length > 0 && uris.every((uri) => uri.startsWith('file:')) && Object.keys(fieldsAt(spec, 'storage')).length > 0) {
    findings.push({ path: ['spec', 'storage'], problem: 'is about S3, and every URI here is a file:', instead: 'remove it, or write s3:// URIs' })
  }
  return [...findings, ...endpointFindings(spec, uris), ...regionFindings(spec)]
}

function endpointFindings(spec: PartialSpec, uris: readonly string[]): Finding[] {
  const path = ['spec', 'storage', 'endpoint']
  const endpoint = textAt(spec, 'storage', 'endpoint')
  if (endpoint === undefined || !/^https?:\/\//.test(endpoint)) return []
  if (!URL.canParse(endpoint)) return [{ path, problem: `is no URL: ${JSON.stringify(endpoint)}`, instead: 'write e.g. https://minio.example.com:9000' }]
  const url = new URL(endpoint)
  const [, above = '', folder = ''] = /^(.*?)\/?([^/]*)\/?$/.exec(url.pathname) ?? []
  const isBucket = folder !== '' && uris.some((uri) => uri.startsWith(`s3://${folder}/`))
  // Some stores are served below a path.
  const instead = `write ${url.origin}${isBucket || folder === '' ? above : `${above}/${folder}`}`
  const findings: Finding[] = []
  if (url.username !== '' || url.password !== '') findings.push({ path, problem: 'holds credentials', instead: `${instead}, and keep them in the Secret of spec.storage.credentialsSecretRef` })
  if (isBucket) findings.push({ path, problem: `ends in the bucket's name, ${folder}`, instead: `${instead}; buckets stand in the s3:// URIs` })
  if (url.search !== '' || url.hash !== '') findings.push({ path, problem: `has ${url.search === '' ? `the fragment ${url.hash}` : `the query ${url.search}`}`, instead })
  const { bucket, host } = AWS_HOST.exec(url.hostname)?.groups ?? {}
  if (bucket !== undefined && host !== undefined) findings.push({ path, problem: `names the bucket ${bucket}`, instead: `write https://${host}, or leave it out: it is AWS's own` })
  if (textAt(spec, 'storage', 'addressing') === 'VirtualHosted' && isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0) {
    findings.push({ path: ['spec', 'storage', 'addressing'], problem: `is VirtualHosted, and a bucket cannot stand before the address ${url.hostname}`, instead: 'write Path, or leave it out' })
  }
  return findings
}

function regionFindings(spec: PartialSpec): Finding[] {
  const path = ['spec', 'storage', 'region']
  const region = textAt(spec, 'storage', 'region')
  if (region === undefined) return []
  const endpoint = textAt(spec, 'storage', 'endpoint')
  const zone = /^([a-z]{2}(?:-[a-z]+)+-\d)[a-z]$/.exec(region)?.[1]
  if (endpoint === undefined) return zone === undefined ? [] : [{ path, problem: `is ${region}, which is an availability zone`, instead: `write ${zone}` }]
  const ofEndpoint = URL.canParse(endpoint) ? AWS_HOST.exec(new URL(endpoint).hostname)?.groups?.['region'] : undefined
  return ofEndpoint === undefined || ofEndpoint === region ? [] : [{ path, problem: `is ${region}, and spec.storage.endpoint is of ${ofEndpoint}`, instead: `write ${ofEndpoint}` }]
}
