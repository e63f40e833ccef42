import { messageOf } from '../../crds/errors.ts'
import type { S3Call } from './s3-errors.ts'
import { StorageError } from './storage.ts'

/** What is wrong with a certificate, by the code of OpenSSL's and Node's checks. */
const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself, not by a CA',
  SELF_SIGNED_CERT_IN_CHAIN: 'its chain ends in a CA that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its issuer is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'its issuer is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its issuer is not trusted here',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  CERT_REVOKED: 'it was revoked',
  CERT_UNTRUSTED: 'its CA is not trusted for servers',
  CERT_REJECTED: 'its CA rejects this use',
  INVALID_PURPOSE: 'it is not made for servers',
  INVALID_CA: 'its issuer is not a CA',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another host name',
}

/**
 * What came instead of an answer, as a StorageError: no credentials, no host, no connection, no trust, or a connection that broke. Errors
 * that no network made come back as they are.
 */
export function connectionError(error: unknown, { action, uri, isWrite, hasIdentity }: Pick<S3Call, 'action' | 'uri' | 'isWrite' | 'hasIdentity'>): unknown {
  if (!(error instanceof Error)) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const reason = reasonOf(error, code)
  const options = { cause: error }
  if (/^(?:Credentials|Token)ProviderError$/.test(error.name)) {
    if (hasIdentity === true) return new StorageError('Unavailable', uri, `${action}: the service that gives the Pod its credentials gives none now (${reason})`, options)
    const ways = 'name a Secret in spec.storage.credentialsSecretRef, give the Pod\'s service account an identity, or with `llmbatch run` set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile'
    return new StorageError('Denied', uri, `${action}: no credentials were found (${reason}); ${ways}`, options)
  }
  if (code === 'ENOTFOUND') {
    const host = 'hostname' in error ? String(error.hostname) : ''
    return new StorageError('Misused', uri, `${action}: the host name ${host} of the storage endpoint is not known (${reason})`, { ...options, code: 'StorageHostNotFound' })
  }
  const certificateFault = CERTIFICATE_FAULTS[code]
  if (certificateFault !== undefined) {
    return new StorageError('Misused', uri, `${action}: the certificate of the storage endpoint is refused, ${certificateFault} (${reason})`, { ...options, code: 'StorageTLSFailed' })
  }
  if (/wrong version number|packet length too long|unsupported protocol|handshake failure/i.test(error.message)) {
    return new StorageError('Misused', uri, `${action}: the storage endpoint does not speak TLS as https:// needs; is it http://? (${reason})`, { ...options, code: 'StorageTLSFailed' })
  }
  if (code === 'EAI_AGAIN' || code === 'ERR_PROXY_TUNNEL' || isUnconnected(error)) return new StorageError('Unavailable', uri, `${action}: the store cannot be reached (${reason})`, options)
  const isOfNetwork = error.name === 'TimeoutError' || (code !== '' && !code.startsWith('ERR_INVALID_'))
  if (!isOfNetwork) return error
  return isWrite === true
    ? new StorageError('Unclear', uri, `${action}: the connection broke before the store said whether the object was written (${reason})`, options)
    : new StorageError('Unavailable', uri, `${action}: the connection broke (${reason})`, options)
}

/** Whether no connection was made, to none of the host's addresses, so that nothing was sent. */
function isUnconnected(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isUnconnected)
  return error instanceof Error && 'syscall' in error && error.syscall === 'connect'
}

/** What the system says; when several addresses of a host were tried, what it says of each. */
function reasonOf(error: Error, code: string): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ')
  return error.message.trim() || code
}
