import { describe, expect, it } from 'vitest'
import { answerError, answerOf, isMissing, s3Error, type S3Answer, type S3Call } from './s3-errors.ts'
import { StorageError } from './storage.ts'

const NOW = Date.parse('2026-01-01T12:00:00Z')
const read: S3Call = { action: 's3:GetObject', uri: 's3://bucket/key', region: 'us-east-1' }
const list: S3Call = { action: 's3:ListBucket', uri: 's3://bucket/', region: 'us-east-1' }
const write: S3Call = { action: 's3:PutObject', uri: 's3://bucket/key', isWrite: true, region: 'us-east-1' }
const replace: S3Call = { ...write, ifMatch: true }
const answer = (status: number, code: string, more: Partial<S3Answer> = {}): S3Answer => ({ status, code, message: 'words of the store', ...more })

describe('an answer of the store', () => {
  it.each<[string, S3Call, S3Answer, string, string, string]>([
    ['a clock that is off', read, answer(403, 'RequestTimeTooSkewed', { serverTime: '2026-01-01T13:00:00Z' }), 'Unavailable', 'ClockSkewed', 'it is 2026-01-01T13:00:00Z there and 2026-01-01T12:00:00.000Z here'],
    ['a HEAD refused by a store of another time', read, answer(403, 'Unknown', { serverTime: 'Thu, 01 Jan 2026 13:00:00 GMT' }), 'Unavailable', 'ClockSkewed', 'Thu, 01 Jan 2026 13:00:00 GMT there'],
    ['a HEAD refused', read, answer(403, 'Unknown', { serverTime: 'Thu, 01 Jan 2026 12:00:01 GMT' }), 'Denied', 'StorageDenied', 's3:GetObject: access is denied, or the object is missing and s3:ListBucket is denied'],
    ['a redirect to another region', list, answer(301, 'PermanentRedirect', { region: 'eu-west-1' }), 'Misused', 'BucketRegionMismatch', 'not in region us-east-1 but in eu-west-1; set spec.storage.region'],
    ['a redirect that names no region', list, answer(301, 'PermanentRedirect'), 'Misused', 'BucketRegionMismatch', 'not in region us-east-1;'],
    ['a HEAD in another region', read, answer(400, 'Unknown', { region: 'eu-west-1' }), 'Misused', 'BucketRegionMismatch', 'in eu-west-1'],
    ['a signature for another region', list, answer(400, 'AuthorizationHeaderMalformed', { region: 'eu-west-1' }), 'Misused', 'BucketRegionMismatch', 'in eu-west-1'],
    ['a location constraint', list, answer(400, 'IllegalLocationConstraintException'), 'Misused', 'BucketRegionMismatch', 'not in region us-east-1'],
    ['a redirect to elsewhere', list, answer(301, 'Unknown', { location: 'https://secure.example' }), 'Misused', 'StorageUnavailable', 'spec.storage.endpoint is not that of a store: it redirects to https://secure.example'],
    ['a redirect for the moment', list, answer(307, 'TemporaryRedirect'), 'Unavailable', 'StorageUnavailable', 'cannot do this now'],
    ['a malformed key id', list, answer(400, 'AuthorizationHeaderMalformed', { region: 'us-east-1' }), 'Denied', 'StorageDenied', 'the credentials are malformed'],
    ['an unknown key id', list, answer(403, 'InvalidAccessKeyId'), 'Denied', 'StorageDenied', 'the access key id is unknown to the store'],
    ['an unknown key id at versitygw', list, answer(404, 'XAdminUserNotFound'), 'Denied', 'StorageDenied', 'the access key id is unknown to the store'],
    ['a wrong secret', write, answer(403, 'SignatureDoesNotMatch'), 'Denied', 'StorageDenied', 'the secret access key does not belong to the access key id'],
    ['an expired token', write, answer(400, 'ExpiredToken'), 'Denied', 'StorageDenied', 'the session token has expired'],
    ['a role that does not take the Pod', list, answer(400, 'InvalidIdentityToken'), 'Denied', 'StorageDenied', 'the Pod\'s identity token is not accepted'],
    ['a permission that is missing', write, answer(403, 'AccessDenied'), 'Denied', 'StorageDenied', 's3:PutObject: access is denied (the store answered 403 AccessDenied: words of the store)'],
    ['a missing bucket', list, answer(404, 'NoSuchBucket'), 'Misused', 'BucketNotFound', 'the bucket does not exist'],
    ['a name that S3 does not take', write, answer(400, 'KeyTooLongError'), 'Misused', 'UnsupportedURI', 'does not take this name'],
    ['an object below an object', write, answer(409, 'ObjectParentIsFile'), 'Misused', 'UnsupportedURI', 'both an object and a folder'],
    ['an archived object', read, answer(403, 'InvalidObjectState'), 'Misused', 'StorageUnavailable', 'archived'],
    ['a missing object', read, answer(404, 'NoSuchKey'), 'NotFound', 'StorageUnavailable', 'no such object'],
    ['a missing object to replace', replace, answer(404, 'NoSuchKey'), 'PreconditionFailed', 'StorageUnavailable', 'there is no object'],
    ['an unknown upload', write, answer(404, 'NoSuchUpload'), 'NotFound', 'StorageUnavailable', 'never begun'],
    ['a web server', list, answer(404, 'NotS3'), 'Misused', 'StorageUnavailable', 'not an S3 store'],
    ['a condition that does not hold', write, answer(412, 'PreconditionFailed'), 'PreconditionFailed', 'StorageUnavailable', 'not as the condition says'],
    ['a condition of a HEAD that does not hold', read, answer(412, 'Unknown'), 'PreconditionFailed', 'StorageUnavailable', 'not as the condition says'],
    ['another write', write, answer(409, 'ConditionalRequestConflict'), 'PreconditionFailed', 'StorageUnavailable', 'another write'],
    ['another call', { ...write, isWrite: false }, answer(409, 'OperationAborted'), 'Unavailable', 'StorageUnavailable', 'another call'],
    ['a body that came too slowly', write, answer(400, 'RequestTimeout'), 'Unavailable', 'StorageUnavailable', 'cannot do this now'],
    ['a body that changed on its way', write, answer(400, 'XAmzContentSHA256Mismatch'), 'Unavailable', 'StorageUnavailable', 'cannot do this now'],
    ['too many requests', write, answer(429, 'TooManyRequests'), 'Unavailable', 'StorageUnavailable', 'cannot do this now'],
    ['a throttled read', read, answer(503, 'SlowDown', { requestId: 'R1' }), 'Unavailable', 'StorageUnavailable', '(the store answered 503 SlowDown: words of the store, request R1)'],
    ['a throttled write', write, answer(503, 'SlowDown'), 'Unclear', 'StorageUnavailable', 'did not say whether'],
    ['a failed write', write, answer(500, 'InternalError'), 'Unclear', 'StorageUnavailable', 'did not say whether'],
    ['a write answered by what is no answer', write, answer(200, 'NotS3'), 'Unclear', 'StorageUnavailable', 'did not say whether'],
    ['a failed read', read, answer(500, 'InternalError'), 'Unavailable', 'StorageUnavailable', 'the store failed'],
    ['a request that the store does not know', write, answer(501, 'NotImplemented'), 'Misused', 'StorageUnsuitable', 'cannot do this at all'],
    ['a part that is too small', write, answer(400, 'EntityTooSmall'), 'Misused', 'StorageUnavailable', 'refused the request'],
  ])('to %s', (_, call, given, kind, code, words) => {
    const error = answerError(given, call, NOW)
    expect(error).toMatchObject({ name: 'StorageError', kind, code, uri: call.uri, message: expect.stringContaining(words) })
    expect(error.message).toMatch(new RegExp(`^${call.action}: .*: ${call.uri}$`))
  })

  it.each([answer(416, 'InvalidRange'), answer(400, 'InvalidArgument', { message: 'Range specified is not valid for source object of size: 5' })])('to a range outside the object is a RangeError', (given) => {
    expect(answerError(given, read, NOW)).toBeInstanceOf(RangeError)
  })

  it('is missing only by S3\'s own words: another 404 may be that of a gateway', () => {
    expect([answer(404, 'NoSuchKey'), answer(404, 'NoSuchVersion')].map(isMissing)).toEqual([true, true])
    expect([answer(404, 'NoSuchBucket'), answer(404, 'XAdminUserNotFound'), answer(404, 'NotFound'), answer(404, 'NotS3'), answer(403, 'NoSuchKey')].map(isMissing)).toEqual([false, false, false, false, false])
  })

  it('is read from what the SDK throws', () => {
    const thrown = Object.assign(new Error('Denied.\n  Deserialization hint'), { name: 'AccessDenied', Region: 'eu-west-1', $metadata: { httpStatusCode: 403, requestId: 'R1' }, $response: { headers: { date: 'now', location: 'https://a.example/b?c=d' } } })
    expect(answerOf(thrown)).toEqual({ status: 403, code: 'AccessDenied', message: 'Denied.\n  Deserialization hint', requestId: 'R1', region: 'eu-west-1', serverTime: 'now', location: 'https://a.example' })
    expect(answerOf(Object.assign(new Error('mismatched tags'), { $metadata: { httpStatusCode: 502 } }))).toMatchObject({ status: 502, code: 'NotS3' })
    expect(answerOf(Object.assign(new Error('UnknownError'), { name: 'NotFound', $metadata: { httpStatusCode: 404 }, $response: { headers: { 'content-type': 'text/html' } } }))).toMatchObject({ code: 'NotS3' })
    expect(answerOf(Object.assign(new Error('aborted'), { code: 'ECONNRESET', $metadata: { httpStatusCode: 404 } }))).toBeNull()
    expect(answerOf(Object.assign(new Error('connect'), { code: 'ECONNREFUSED', $metadata: { attempts: 1 } }))).toBeNull()
    expect(answerOf('text')).toBeNull()
  })

  it('gives away no signature and no token, neither in the message nor in the cause', () => {
    const thrown = Object.assign(new Error('It does not match.'), { name: 'SignatureDoesNotMatch', CanonicalRequest: 'x-amz-security-token:TOKEN', SignatureProvided: 'TOKEN', $metadata: { httpStatusCode: 403 } })
    const error = s3Error(thrown, read, NOW)
    expect(error).toMatchObject({ kind: 'Denied' })
    expect(JSON.stringify(error, ['message', 'cause', 'stack'])).not.toContain('TOKEN')
    expect((error as Error).cause).toBeUndefined()
  })

  it('has words of a bounded length, on one line', () => {
    const error = answerError(answer(500, 'InternalError', { message: `${'x'.repeat(10_000)}\nsecond` }), read, NOW)
    expect(error.message.length).toBeLessThan(600)
    expect(error.message).not.toContain('\n')
  })
})

describe('no answer of the store', () => {
  const network = (message: string, fields: object) => Object.assign(new Error(message), fields)
  it.each<[string, Error, string, string, string, string]>([
    ['an unknown host', network('getaddrinfo ENOTFOUND s3.invalid', { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 's3.invalid' }), 'Misused', 'Misused', 'StorageHostNotFound', 'the host name s3.invalid of the storage endpoint is not known'],
    ['a name server that is away', network('getaddrinfo EAI_AGAIN s3', { code: 'EAI_AGAIN', syscall: 'getaddrinfo' }), 'Unavailable', 'Unavailable', 'StorageUnavailable', 'cannot be reached'],
    ['a refused connection', network('connect ECONNREFUSED 127.0.0.1:1', { code: 'ECONNREFUSED', syscall: 'connect' }), 'Unavailable', 'Unavailable', 'StorageUnavailable', 'cannot be reached (connect ECONNREFUSED 127.0.0.1:1)'],
    [
      'all addresses of a host refused',
      Object.assign(new AggregateError([network('connect ECONNREFUSED ::1:1', { syscall: 'connect' }), network('connect ETIMEDOUT 10.0.0.1:1', { syscall: 'connect' })]), { code: 'ECONNREFUSED' }),
      'Unavailable', 'Unavailable', 'StorageUnavailable', '(connect ECONNREFUSED ::1:1; connect ETIMEDOUT 10.0.0.1:1)',
    ],
    ['a certificate of an unknown CA', network('unable to verify the first certificate', { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }), 'Misused', 'Misused', 'StorageTLSFailed', 'its issuer is not trusted here'],
    ['an expired certificate', network('certificate has expired', { code: 'CERT_HAS_EXPIRED' }), 'Misused', 'Misused', 'StorageTLSFailed', 'it has expired'],
    ['a certificate of another host', network('Host: a. is not in the cert\'s altnames: DNS:b', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), 'Misused', 'Misused', 'StorageTLSFailed', 'it is for another host name (Host: a. is not in the cert\'s altnames: DNS:b)'],
    ['a server without TLS', network('write EPROTO 407D:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number', { code: 'EPROTO', syscall: 'write' }), 'Misused', 'Misused', 'StorageTLSFailed', 'is it http://?'],
    ['a proxy that makes no tunnel', network('Failed to establish tunnel to s3:443 via http://proxy: HTTP/1.1 407', { code: 'ERR_PROXY_TUNNEL' }), 'Unavailable', 'Unavailable', 'StorageUnavailable', 'cannot be reached (Failed to establish tunnel'],
    ['a reset', network('read ECONNRESET', { code: 'ECONNRESET', syscall: 'read' }), 'Unavailable', 'Unclear', 'StorageUnavailable', 'the connection broke'],
    ['a route that is lost under way', network('read EHOSTUNREACH', { code: 'EHOSTUNREACH', syscall: 'read' }), 'Unavailable', 'Unclear', 'StorageUnavailable', 'the connection broke'],
    ['a timeout', network('the request socket timed out', { name: 'TimeoutError' }), 'Unavailable', 'Unclear', 'StorageUnavailable', 'the connection broke'],
    ['no credentials', network('Could not load credentials from any providers', { name: 'CredentialsProviderError' }), 'Denied', 'Denied', 'StorageDenied', 'name a Secret in spec.storage.credentialsSecretRef'],
  ])('but %s', (_, thrown, kind, kindOfWrite, code, words) => {
    expect(s3Error(thrown, read, NOW)).toMatchObject({ name: 'StorageError', kind, code, message: expect.stringContaining(words), cause: thrown })
    expect(s3Error(thrown, write, NOW)).toMatchObject({ kind: kindOfWrite, code })
  })

  it('leaves bugs and our own errors as they are', () => {
    for (const error of [new TypeError('x is not a function'), network('Invalid character in header', { code: 'ERR_INVALID_CHAR' }), new StorageError('Misused', 's3://b/k', 'x'), new RangeError('x'), 'text']) {
      expect(s3Error(error, read, NOW)).toBe(error)
    }
  })
})
