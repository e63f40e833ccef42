/** Proxies that make of a sound S3 server one that breaks a single promise, as stores in the field do. */
import { setTimeout as sleep } from 'node:timers/promises'
import { resigned, type SignableRequest } from './resign.ts'
import { forward, refuse, relay, startS3Proxy, type Exchange, type S3Proxy } from './s3-proxy.ts'
import type { S3Operation } from './s3-operation.ts'
import type { S3Server } from './versitygw.ts'

/** Headers that a weak store does not heed, by operation. */
const IGNORED = {
  stripIfMatch: ['PutObject', 'if-match'],
  stripIfNoneMatch: ['PutObject', 'if-none-match'],
  ignoreIfMatchOnComplete: ['CompleteMultipartUpload', 'if-match'],
  ignoreIfNoneMatchOnComplete: ['CompleteMultipartUpload', 'if-none-match'],
  ignoreCopySourceIfMatch: ['UploadPartCopy', 'x-amz-copy-source-if-match'],
  ignoreIfMatchOnGet: ['GetObject', 'if-match'],
  ignoreRange: ['GetObject', 'range'],
} as const satisfies Record<string, readonly [S3Operation, string]>

/** `checkThenWrite` checks the conditions of a PUT, then writes without them: right one after the other, wrong when writers race. */
export type Weakness = keyof typeof IGNORED | 'checkThenWrite'

/** Between check and write, milliseconds: long enough for the other writers' checks. */
const CHECK_THEN_WRITE_GAP = 10

/** Starts a proxy before the server that makes it weak. */
export async function startWeakStore(server: S3Server, weakness: Weakness): Promise<S3Proxy> {
  return await startS3Proxy(async (exchange) => {
    if (weakness !== 'checkThenWrite') {
      const [operation, header] = IGNORED[weakness]
      return await send(server, exchange, exchange.operation === operation ? [header] : [])
    }
    if (exchange.operation !== 'PutObject') return await send(server, exchange, [])
    if (!(await conditionHolds(server, exchange.request))) return await refuse(exchange, 412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
    await sleep(CHECK_THEN_WRITE_GAP)
    await send(server, exchange, ['if-match', 'if-none-match'])
  })
}

async function send(server: S3Server, { request, body, response }: Exchange, without: readonly string[]): Promise<void> {
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !without.includes(name)))
  const sent = without.length === 0 ? request : { ...request, headers: resigned({ ...request, headers }, server) }
  await relay(await forward(server.endpoint, sent, body), response)
}

async function conditionHolds(server: S3Server, { target, headers }: SignableRequest): Promise<boolean> {
  const { host = '', 'x-amz-date': date = '' } = headers
  const [path = ''] = target.split('?')
  const head = { method: 'HEAD', target: path, headers: { host, 'x-amz-date': date, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }
  const answer = await forward(server.endpoint, { ...head, headers: resigned(head, server) }, new Uint8Array(0))
  answer.resume()
  const exists = answer.statusCode === 200
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  return (ifNoneMatch === undefined || !exists) && (ifMatch === undefined || (exists && answer.headers.etag === ifMatch))
}
