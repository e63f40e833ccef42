import { readFile } from 'node:fs/promises'

/** Requests by S3 operation, e.g. PutObject, and how many of them the probe of a work folder made. */
export interface S3Requests {
  readonly byOperation: ReadonlyMap<string, number>
  readonly total: number
  readonly ofProbe: number
}

/** Counts the requests in versitygw's access log, from byte `from` on. */
export async function requestsIn(accessLog: string, from = 0): Promise<S3Requests> {
  const lines = (await readFile(accessLog)).subarray(from).toString('utf8').split('\n')
  const byOperation = new Map<string, number>()
  let total = 0
  let ofProbe = 0
  for (const line of lines) {
    const operation = / s3_(\w+) /.exec(line)?.[1]
    if (operation === undefined) continue
    byOperation.set(operation, (byOperation.get(operation) ?? 0) + 1)
    total++
    if (/\/\.llmbatch\/probe[/-]/.test(line)) ofProbe++
  }
  return { byOperation, total, ofProbe }
}
