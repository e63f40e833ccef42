import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copySourceOf, decodeListedKey, parseS3Prefix, parseS3Uri, s3UriOf } from './s3-uri.ts'

const segment = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('/') && text !== '.' && text !== '..')
const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'))

describe('s3 URIs', () => {
  it.each([
    ['s3://bucket/a/b.parquet', 'bucket', 'a/b.parquet'],
    ['s3://my.bucket-1/a b%20c#d?e+f=g*h\\i', 'my.bucket-1', 'a b%20c#d?e+f=g*h\\i'],
    ['s3://Old_Bucket/größe/gro\u0308ße', 'Old_Bucket', 'größe/gro\u0308ße'],
    ['s3://bucket/.llmbatch/x', 'bucket', '.llmbatch/x'],
    ['s3://bucket/...', 'bucket', '...'],
  ])('%s names an object', (uri, bucket, name) => {
    expect(parseS3Uri(uri)).toEqual({ bucket, key: name })
  })

  it.each([
    ['s3://bucket', 'no / after the bucket'],
    ['s3://bucket/', 'names a bucket, not an object'],
    ['s3://bucket//a', 'empty segment'],
    ['s3://bucket/a//b', 'empty segment'],
    ['s3://bucket/a/', 'empty segment'],
    ['s3://bucket/./a', 'the segment .'],
    ['s3://bucket/a/../b', 'the segment ..'],
    ['s3:///a', 'cannot be a bucket\'s name'],
    ['s3://ab/a', 'cannot be a bucket\'s name'],
    ['s3://-bucket/a', 'cannot be a bucket\'s name'],
    ['s3://buc..ket/a', 'cannot be a bucket\'s name'],
    ['s3://buc ket/a', 'cannot be a bucket\'s name'],
    ['s3://user:password@host/a', 'cannot be a bucket\'s name'],
    ['s3://arn:aws:s3:::bucket/a', 'cannot be a bucket\'s name'],
    ['s3://bucket/\uD800', 'not Unicode text'],
    ['file:///a', 'does not begin with s3://'],
  ])('%s is refused: %s', (uri, why) => {
    expect(() => parseS3Uri(uri)).toThrow(expect.objectContaining({ name: 'StorageError', kind: 'Misused', code: 'UnsupportedURI', message: expect.stringContaining(why) }))
  })

  it('a listing begins with any text, also none', () => {
    expect(parseS3Prefix('s3://bucket/')).toEqual({ bucket: 'bucket', key: '' })
    expect(parseS3Prefix('s3://bucket/a/')).toEqual({ bucket: 'bucket', key: 'a/' })
    expect(parseS3Prefix('s3://bucket/a//b')).toEqual({ bucket: 'bucket', key: 'a//b' })
  })

  it('are made of bucket and key, and taken apart into the same', () => {
    fc.assert(
      fc.property(key, (name) => {
        expect(parseS3Uri(s3UriOf({ bucket: 'bucket', key: name }))).toEqual({ bucket: 'bucket', key: name })
      }),
    )
  })

  it('a copy\'s source holds only characters of a header and means the same key', () => {
    fc.assert(
      fc.property(key, (name) => {
        const source = copySourceOf({ bucket: 'bucket', key: name })
        expect(source).toMatch(/^bucket\/[A-Za-z0-9\-._~%/]*$/)
        expect(decodeURIComponent(source)).toBe(`bucket/${name}`)
      }),
    )
  })

  it('a listed key is decoded when the store says that it is encoded', () => {
    expect(decodeListedKey('bucket', 'a+b%2Bc%2520/%C3%A9', 'url')).toBe('a b+c%20/é')
    expect(decodeListedKey('bucket', 'a+b%20', undefined)).toBe('a+b%20')
    expect(() => decodeListedKey('bucket', 'a%FF', 'url')).toThrow(expect.objectContaining({ kind: 'Misused', code: 'UnsupportedURI', message: expect.stringContaining('not UTF-8') }))
  })
})
