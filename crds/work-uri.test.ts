import { expect, it } from 'vitest'
import { workUri } from './work-uri.ts'

const output = (uri: string) => ({ uri, ifExists: 'Fail' as const, columns: { names: { response: 'a', status: 'b', error: 'c', promptTokens: 'd', completionTokens: 'e' } } })

it.each([
  ['s3://bucket/folder/out/', 's3://bucket/.llmbatch/'],
  ['s3://bucket/', 's3://bucket/.llmbatch/'],
  ['file:///data/out/', 'file:///data/.llmbatch/'],
  ['file:///data/my out#1/', 'file:///data/.llmbatch/'],
  ['file:///out/', 'file:///.llmbatch/'],
  ['file:///', 'file:///.llmbatch/'],
])('keeps the work of output %s in %s', (uri, work) => {
  expect(workUri({ output: output(uri) })).toBe(work)
})

it('keeps the work where spec.work.uri says', () => {
  expect(workUri({ output: output('s3://bucket/out/'), work: { uri: 's3://other/work/' } })).toBe('s3://other/work/')
})
