import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { createSecureContext, getCACertificates } from 'node:tls'
import { S3Client } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'

/** How an S3 store is reached. */
export interface S3Options {
  /** Root URL of an S3-compatible store. Default: AWS S3 in `region`. */
  readonly endpoint?: string
  /** Default: us-east-1. */
  readonly region?: string
  /** Where a request names the bucket. Default: Path with `endpoint`, VirtualHosted without. */
  readonly addressing?: 'Path' | 'VirtualHosted'
  /** Default: the SDK's chain (environment, profile, web identity, Pod identity, instance metadata). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
  /** Whether a service of the platform gives credentials, so that having none means that it is away. */
  readonly hasIdentity?: boolean
  /** Certificates to trust beside those that Node trusts, PEM. */
  readonly caBundle?: string
  /** The variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or lower case. Default: no proxy. */
  readonly proxyEnv?: Readonly<Record<string, string | undefined>>
}

/**
 * Connections to one host (with virtual-hosted addressing each bucket is one). Further requests wait for one of them, for CONNECT_TIMEOUT at
 * most. Streams that are read side by side hold one each: as many as the prompt has columns, beside at most 16 small requests. A connection
 * holds up to 64 KiB of a body that nobody takes.
 */
const SOCKET_LIMIT = 128
/** Longest wait for a connection, milliseconds. */
const CONNECT_TIMEOUT = 10_000
/** Longest time in which nothing moves on a connection, milliseconds (the handler counts from 3 s on); also how long a reader may leave a body untouched. */
const IDLE_TIMEOUT = 60_000
const DEFAULT_REGION = 'us-east-1'

/**
 * A client that sends each request once: no retries (a conditional write that is repeated meets its own success), no redirects to another
 * region. It adds no checksums that only newer stores know: the SHA-256 of each body is part of the request's signature. Idle connections
 * do not keep the process alive.
 */
export function makeS3Client(options: S3Options): S3Client {
  const { endpoint, region = DEFAULT_REGION, addressing = endpoint === undefined ? 'VirtualHosted' : 'Path', credentials, caBundle, proxyEnv } = options
  const agent = { keepAlive: true, maxSockets: SOCKET_LIMIT, ...(proxyEnv === undefined ? {} : { proxyEnv: { ...proxyEnv } }) }
  return new S3Client({
    region,
    forcePathStyle: addressing === 'Path',
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: { ...credentials } }),
    maxAttempts: 1,
    followRegionRedirects: false,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The handler cannot wait for `100 Continue` on agents that it did not make itself.
    expectContinueHeader: false,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: CONNECT_TIMEOUT,
      socketTimeout: IDLE_TIMEOUT,
      httpAgent: new HttpAgent(agent),
      // Made once: each connection would parse all certificates anew.
      httpsAgent: new HttpsAgent({ ...agent, ...(caBundle === undefined ? {} : { secureContext: createSecureContext({ ca: [...getCACertificates('default'), caBundle] }) }) }),
    }),
  })
}

/** The region that a client signs for when none is named. */
export function regionOf(options: S3Options): string {
  return options.region ?? DEFAULT_REGION
}
