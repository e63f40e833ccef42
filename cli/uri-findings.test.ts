import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseInputPattern, sampleName } from '../runner/plan/input-pattern.ts'
import { parseS3Uri } from '../runner/storage/s3-uri.ts'
import { uriFindings } from './uri-findings.ts'

const bucket = fc.stringMatching(/^[A-Za-z0-9._*-]{1,8}$/)
const key = fc.array(fc.constantFrom('in', 'a.parquet', '*', '**', '.', '..', '', ' ', 'é', '%20', '?', '[1]', '#', '+'), { maxLength: 4 }).map((segments) => segments.join('/'))
const uri = fc.tuple(bucket, fc.constantFrom('', '/'), key).map(([name, slash, rest]) => `s3://${name}${slash === '' ? '' : `/${rest}`}`)
const storage = { endpoint: 'https://minio.example.com' }

const accepted = (read: () => unknown): boolean => {
  try {
    read()
    return true
  } catch {
    return false
  }
}

describe('URIs on S3', () => {
  it('pass when a runner can use them, and only then: inputs', () => {
    fc.assert(
      fc.property(uri, (input) => {
        const passes = uriFindings({ storage, input: { uri: input } }).length === 0
        const runs = () => parseS3Uri(parseInputPattern(input).prefix + sampleName(input))
        expect({ input, passes }).toEqual({ input, passes: !/^s3:\/\/[^/]*\*/.test(input) && accepted(runs) })
      }),
      { numRuns: 2_000 },
    )
  })

  it('pass when a runner can use them, and only then: outputs', () => {
    fc.assert(
      fc.property(uri, (folder) => {
        const output = folder.endsWith('/') ? folder : `${folder}/`
        const passes = uriFindings({ storage, output: { uri: output } }).length === 0
        expect({ output, passes }).toEqual({ output, passes: !output.includes('*') && accepted(() => parseS3Uri(`${output}x.parquet`)) })
      }),
      { numRuns: 2_000 },
    )
  })
})
