import { parseS3Prefix } from '../runner/storage/s3-uri.ts'
import { StorageError } from '../runner/storage/storage.ts'
import type { FieldPath, Finding } from './findings.ts'
import { textAt, type PartialSpec } from './partial-spec.ts'
import { withoutQuery } from './uri-hint.ts'

/** Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const AWS_BUCKET = /^(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/
/** Ends of names of files that hold no Parquet, or hold it packed once more. */
const OTHER_FORMATS = /\.(csv|tsv|jsonl?|ndjson|txt|avro|orc|arrow|feather|xlsx?|zip|tar|gz|bz2|xz|zst)$/i

/** What a pattern cannot say of URIs: hosts, buckets, keys, wildcards, kinds of files, and that all lie in one store. */
export function uriFindings(spec: PartialSpec): Finding[] {
  const input = textAt(spec, 'input', 'uri')
  return (['input', 'output', 'work'] as const).flatMap((part) => {
    const uri = textAt(spec, part, 'uri')
    if (uri === undefined || scheme(uri) === undefined) return []
    const path: FieldPath = ['spec', part, 'uri']
    const ofPlace = scheme(uri) === 's3:' ? s3Problem(uri, part, spec) : fileProblem(uri)
    const problems = [placeholder(uri) ?? ofPlace, part === 'input' ? inputProblem(uri) : folderProblem(uri)]
    const otherStore = part !== 'input' && input !== undefined && scheme(input) !== undefined && scheme(input) !== scheme(uri)
    if (otherStore) problems.push({ problem: `is not in the store of spec.input.uri (${scheme(uri)} and ${scheme(input)})`, instead: 'keep input, output and work in one store' })
    return problems.flatMap((problem) => (problem === null ? [] : [{ path, ...problem }]))
  })
}

type Problem = Omit<Finding, 'path'>

function placeholder(uri: string): Problem | null {
  const found = /\$\{[^}]*\}|\$\(\w+\)|\{\{.*?\}\}/.exec(uri)?.[0]
  return found === undefined ? null : { problem: `holds ${found}, which nothing fills in`, instead: 'write the URI itself, or fill it in before the manifest is applied' }
}

function fileProblem(uri: string): Problem | null {
  const path = uri.slice('file:'.length)
  if (/^\/\/[^/]/.test(path)) {
    const rest = path.slice(2)
    return { problem: `names the host ${JSON.stringify(rest.split('/')[0])}`, instead: `write file:///${rest} for an absolute path, or file:./${rest} for one relative to the job file` }
  }
  if (path.startsWith('~')) return { problem: 'starts with ~, which stands for nothing here', instead: 'write the path from the root, e.g. file:/home/me/data/*.parquet' }
  return null
}

function s3Problem(uri: string, part: 'input' | 'output' | 'work', spec: PartialSpec): Problem | null {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]*)\/?(.*)$/s.exec(uri) ?? []
  if (bucket === '') return { problem: 'names no bucket', instead: 'write s3://bucket/key' }
  if (bucket.includes('*')) return part !== 'input' ? null : { problem: `has a * in the bucket ${JSON.stringify(bucket)}`, instead: 'write one bucket; only its keys are matched' }
  if (!isBucketName(bucket)) return { problem: `names the bucket ${JSON.stringify(bucket)}, which cannot be one`, instead: 'a bucket has 3 to 63 letters, digits, hyphens and single dots' }
  if (isAwsWithoutPath(spec) && !AWS_BUCKET.test(bucket)) {
    const legacy = bucket.toLowerCase() !== bucket || bucket.includes('_') ? '; a bucket of before 2018 with such a name needs spec.storage.addressing: Path' : ''
    return { problem: `names the bucket ${JSON.stringify(bucket)}, which S3 refuses`, instead: `on AWS S3 a bucket has lower-case letters, digits, hyphens and dots, and is no IP address${legacy}` }
  }
  if (part === 'input' && key === '') return { problem: 'names a bucket and no files', instead: `write e.g. s3://${bucket}/*.parquet, or s3://${bucket}/**/*.parquet for all its folders` }
  return keyProblem(bucket, key)
}

/** Stores and clients change such keys on their way, so a runner refuses them. The `/` at the end of a folder is no part of the key. */
function keyProblem(bucket: string, key: string): Problem | null {
  if (key === '') return null
  const segments = key.replace(/(?<=[^/])\/$/, '').split('/')
  if (segments.includes('')) {
    const cleaned = `s3://${bucket}/${key.replace(/^\/+/, '').replace(/\/{2,}/g, '/')}`
    return { problem: key.startsWith('/') ? 'has a key that starts with /' : 'has // in its key', instead: `write ${cleaned}` }
  }
  const dots = segments.find((segment) => segment === '.' || segment === '..')
  return dots === undefined ? null : { problem: `has the segment ${dots} in its key`, instead: 'write the whole key: S3 has no folders to go up' }
}

/** Whether it can be a bucket of some store: S3-compatible ones allow more than S3 does. */
function isBucketName(bucket: string): boolean {
  try {
    parseS3Prefix(`s3://${bucket}/`)
    return true
  } catch (error) {
    if (error instanceof StorageError) return false
    throw error
  }
}

function isAwsWithoutPath(spec: PartialSpec): boolean {
  return textAt(spec, 'storage', 'endpoint') === undefined && textAt(spec, 'storage', 'addressing') !== 'Path'
}

function folderProblem(uri: string): Problem | null {
  return uri.includes('*') ? { problem: 'has a `*`', instead: 'write one folder; only spec.input.uri is a pattern' } : null
}

function inputProblem(uri: string): Problem | null {
  const key = uri.replace(/^s3:\/\/[^/]*\/?/, '')
  if (key === '') return null
  const bare = withoutQuery(uri)
  if (bare !== uri) return { problem: 'has a query, which is of an address for browsers', instead: `write ${bare}` }
  if (uri.endsWith('/')) return { problem: 'is a folder', instead: `write ${uri}*.parquet, or ${uri}**/*.parquet for the folders in it too` }
  // Without a * it is the name of one file, which may hold any character.
  const glob = uri.includes('*') ? /\{[^{}/]*,[^{}/]*\}|\[[!^]?(?:\w-\w)+\]/.exec(uri)?.[0] : undefined
  if (glob !== undefined && placeholder(uri) === null) return { problem: `has ${glob}, and of wildcards there are * and ** only`, instead: `write * in its place: ${uri.replace(`${glob}*`, '*').replace(glob, '*')}; or one job for each` }
  const other = OTHER_FORMATS.exec(uri)?.[0]
  if (other !== undefined) {
    const packed = /\.parquet\.\w+$/i.test(uri)
    return { problem: `names ${other} files`, instead: packed ? 'decompress them: Parquet compresses its own pages' : 'convert them to Parquet; other formats are not read yet' }
  }
  return null
}

function scheme(uri: string): string | undefined {
  return /^(file:|s3:)/.exec(uri)?.[0]
}
