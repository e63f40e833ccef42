import { messageOf, type ErrorCode } from '../../crds/errors.ts'
import { connectionError } from './s3-connection-errors.ts'
import { StorageError, type StorageErrorKind } from './storage.ts'

/** A call of the store, as errors name it. */
export interface S3Call {
  /** The permission it needs, e.g. s3:GetObject. */
  readonly action: string
  readonly uri: string
  /** Whether it makes or replaces an object, so that an unclear answer leaves open what is there now. */
  readonly isWrite?: boolean
  /** Whether it writes only over the object that an ETag names. */
  readonly ifMatch?: boolean
  /** The region that it was signed for. */
  readonly region: string
  /** Whether a service of the platform gives the credentials. */
  readonly hasIdentity?: boolean
}

/** What a store answered instead of doing what was asked. */
export interface S3Answer {
  readonly status: number
  /** S3's error code; `Unknown` when the answer had no body, as that to a HEAD. */
  readonly code: string
  readonly message: string
  readonly requestId?: string
  /** The region in which the bucket lies. */
  readonly region?: string
  /** The store's clock, as it wrote it. */
  readonly serverTime?: string
  /** Scheme, host and port that the answer redirects to. */
  readonly location?: string
}

/** The code of an answer whose body is none of S3's. */
const NOT_S3 = 'NotS3'
/** Longest piece of a server's message that is passed on, in characters. */
const WORDS_LIMIT = 400
/** S3 refuses requests that are signed more than this from its own time, milliseconds. */
const SKEW_LIMIT = 15 * 60_000

/** What is wrong with the credentials, by S3's, STS's and versitygw's codes. */
const CREDENTIAL_FAULTS: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'the access key id is unknown to the store',
  XAdminUserNotFound: 'the access key id is unknown to the store',
  SignatureDoesNotMatch: 'the secret access key does not belong to the access key id (or a proxy changed the request)',
  ExpiredToken: 'the session token has expired',
  ExpiredTokenException: 'the identity token has expired',
  TokenRefreshRequired: 'the session token has expired',
  InvalidToken: 'the session token is not valid',
  InvalidIdentityToken: 'the Pod\'s identity token is not accepted for its role',
  IDPRejectedClaim: 'the Pod\'s identity token is not accepted for its role',
  AuthorizationHeaderMalformed: 'the credentials are malformed',
}

/** Codes of answers that say that nothing took effect, and that another try may help. */
const PASSING = ['RequestTimeout', 'IncompleteBody', 'BadDigest', 'XAmzContentSHA256Mismatch', 'TemporaryRedirect', 'QuotaExceeded']
const SKEWED = ['RequestTimeTooSkewed', 'RequestInTheFuture']
const REGION_FAULTS = ['PermanentRedirect', 'IllegalLocationConstraintException']
const NAME_FAULTS = ['InvalidBucketName', 'KeyTooLongError', 'InvalidURI']
/** A file-backed store has no room for an object below or above another. */
const FILE_AND_FOLDER = ['ObjectParentIsFile', 'ExistingObjectIsDirectory', 'XMinioParentIsObject', 'XMinioObjectExistsAsDirectory']

/**
 * What the SDK threw, as an error that says what the user must change. `now` is this machine's clock, milliseconds since 1970. Errors that no
 * store and no network made come back as they are.
 */
export function s3Error(error: unknown, call: S3Call, now: number): unknown {
  if (error instanceof StorageError) return error
  const answer = answerOf(error)
  return answer === null ? connectionError(error, call) : answerError(answer, call, now)
}

/**
 * The error of an answer. A range outside the object is a RangeError, all else a StorageError. Its cause is left out: the SDK's error
 * quotes the signed request, the session token with it.
 */
export function answerError(answer: S3Answer, call: S3Call, now: number): StorageError | RangeError {
  const { action, uri } = call
  const { status, code } = answer
  const fault = (kind: StorageErrorKind, why: string, errorCode?: ErrorCode): StorageError =>
    new StorageError(kind, uri, `${action}: ${why} (${inWords(answer)})`, errorCode === undefined ? {} : { code: errorCode })

  if (SKEWED.includes(code) || (status === 403 && code === 'Unknown' && skewOf(answer, now) > SKEW_LIMIT)) {
    const times = answer.serverTime === undefined ? '' : `: it is ${answer.serverTime} there and ${new Date(now).toISOString()} here`
    return fault('Unavailable', `the clock of this machine is not the store's${times}`, 'ClockSkewed')
  }
  if (REGION_FAULTS.includes(code) || ([301, 400].includes(status) && answer.region !== undefined && answer.region !== call.region)) {
    return fault('Misused', `the bucket is not in region ${call.region}${answer.region === undefined ? '' : ` but in ${answer.region}`}; set spec.storage.region`, 'BucketRegionMismatch')
  }
  const credentialFault = CREDENTIAL_FAULTS[code]
  if (credentialFault !== undefined) return fault('Denied', credentialFault)
  if (code === 'NoSuchBucket') return fault('Misused', 'the bucket does not exist', 'BucketNotFound')
  if (NAME_FAULTS.includes(code)) return fault('Misused', 'the store does not take this name', 'UnsupportedURI')
  if (FILE_AND_FOLDER.includes(code)) return fault('Misused', 'in this store a name cannot be both an object and a folder', 'UnsupportedURI')
  if (code === 'InvalidObjectState') return fault('Misused', 'the object is archived and has to be restored before it can be read')
  if (PASSING.includes(code)) return fault('Unavailable', 'the store cannot do this now')
  if (status === 416 || (code === 'InvalidArgument' && /range/i.test(answer.message))) return new RangeError(`${action}: the range is not within ${uri} (${inWords(answer)})`)
  if (code === 'NoSuchUpload') return fault('NotFound', 'the upload was completed or aborted, or never begun')
  if (status === 412) return fault('PreconditionFailed', 'the object is not as the condition says')
  if (isMissing(answer)) return call.ifMatch === true ? fault('PreconditionFailed', 'there is no object') : fault('NotFound', 'there is no such object')
  if (status === 409) return call.isWrite === true ? fault('PreconditionFailed', 'another write of the object is under way') : fault('Unavailable', 'another call on the object is under way')
  if (status === 401 || status === 403) return fault('Denied', `access is denied${action === 's3:GetObject' ? ', or the object is missing and s3:ListBucket is denied' : ''}`)
  if (status === 307 || status === 408 || status === 429) return fault('Unavailable', 'the store cannot do this now')
  if (status === 501) return fault('Misused', 'the store cannot do this at all', 'StorageUnsuitable')
  if (status >= 300 && status < 400) return fault('Misused', `spec.storage.endpoint is not that of a store: it redirects${answer.location === undefined ? '' : ` to ${answer.location}`}`)
  if (status >= 400 && status < 500) return fault('Misused', code === NOT_S3 ? 'what answers at spec.storage.endpoint is not an S3 store' : 'the store refused the request')
  return call.isWrite === true ? fault('Unclear', 'the store did not say whether the object was written') : fault('Unavailable', 'the store failed')
}

/** Whether the store itself says that there is no such object: a 404 without S3's body may be a gateway's that has lost its way to the store. */
export function isMissing({ status, code }: S3Answer): boolean {
  return status === 404 && (code === 'NoSuchKey' || code === 'NoSuchVersion')
}

/** The answer behind an error of the SDK; null when there was none, or none that came as a whole. */
export function answerOf(error: unknown): S3Answer | null {
  const thrown = fieldsOf(error)
  // A connection that breaks in the body of an error has a status, but what was refused is not known.
  if (typeof thrown['code'] === 'string' || thrown['name'] === 'TimeoutError') return null
  const metadata = fieldsOf(thrown['$metadata'])
  const headers = fieldsOf(fieldsOf(thrown['$response'])['headers'])
  const status = metadata['httpStatusCode'] ?? fieldsOf(thrown['$response'])['statusCode']
  if (typeof status !== 'number') return null
  const requestId = textOf(metadata['requestId'])
  const region = textOf(headers['x-amz-bucket-region']) ?? textOf(thrown['Region'])
  const serverTime = textOf(thrown['ServerTime']) ?? textOf(headers['date'])
  const location = URL.parse(textOf(headers['location']) ?? '')
  return {
    status,
    // What the SDK cannot parse has no name of its own; to a HEAD, S3 does not answer as if HTML followed.
    code: thrown['name'] === 'Error' || textOf(headers['content-type'])?.startsWith('text/html') === true ? NOT_S3 : (textOf(thrown['name']) ?? 'Unknown'),
    message: messageOf(error),
    ...(requestId === undefined ? {} : { requestId }),
    ...(region === undefined ? {} : { region }),
    ...(serverTime === undefined ? {} : { serverTime }),
    ...(location === null ? {} : { location: location.origin }),
  }
}

/** How far the store's clock is from ours, milliseconds; 0 when it does not say. */
function skewOf({ serverTime }: S3Answer, now: number): number {
  const time = serverTime === undefined ? Number.NaN : Date.parse(serverTime)
  return Number.isNaN(time) ? 0 : Math.abs(time - now)
}

function inWords({ status, code, message, requestId }: S3Answer): string {
  // The SDK's own placeholders say nothing.
  const words = [code === 'Unknown' ? '' : code === NOT_S3 ? 'no answer of S3' : code, message === 'UnknownError' ? '' : firstLine(message)].filter((word) => word !== '')
  return `the store answered ${[status, words.join(': ')].join(' ').trim()}${requestId === undefined ? '' : `, request ${requestId}`}`
}

/** The SDK appends hints for programmers on further lines. */
function firstLine(message: string): string {
  return (message.split('\n', 1)[0] ?? '').trim().slice(0, WORDS_LIMIT)
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
