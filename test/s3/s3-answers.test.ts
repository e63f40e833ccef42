import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { collectBytes, collectItems } from '../../runner/storage/collect.ts'
import type { Storage } from '../../runner/storage/storage.ts'
import { errorBody, startScriptedServer, type ScriptedServer, type SeenRequest } from './scripted-server.ts'

const bytes = Buffer.from('bytes')
const list = (storage: Storage) => collectItems(storage.list('s3://catalog/'))
const put = (storage: Storage) => storage.put('s3://catalog/key', bytes, { ifNoneMatch: '*' })
const complete = (storage: Storage) => storage.completeUpload('s3://catalog/key', 'id', [{ partNumber: 1, etag: '"part"' }], { ifNoneMatch: '*' })

describe('S3Storage, when the server answers', () => {
  let server: ScriptedServer | undefined
  afterEach(async () => {
    await server?.close()
    server = undefined
  })
  async function answering(answer: (request: SeenRequest, response: ServerResponse) => void): Promise<ScriptedServer> {
    server = await startScriptedServer(answer)
    return server
  }

  it('301 names the region, and is not followed', async () => {
    const { storage, requests } = await answering((_, response) => response.writeHead(301, { 'x-amz-bucket-region': 'eu-west-1' }).end(errorBody('PermanentRedirect', { Endpoint: 'catalog.s3-eu-west-1.amazonaws.com' })))
    const named = { code: 'BucketRegionMismatch', message: expect.stringContaining('not in region us-east-1 but in eu-west-1') }
    await expect(list(storage)).rejects.toMatchObject(named)
    await expect(storage.head('s3://catalog/key')).rejects.toMatchObject(named)
    await expect(put(storage)).rejects.toMatchObject(named)
    expect(requests).toHaveLength(3)
  })

  it('that the clock is off: both times are named, and the next request is signed with the store\'s', async () => {
    const serverTime = new Date(Date.now() + 3_600_000)
    const { storage, requests } = await answering((_, response) => response.writeHead(403, { date: serverTime.toUTCString() }).end(errorBody('RequestTimeTooSkewed', { ServerTime: serverTime.toISOString() })))
    await expect(put(storage)).rejects.toMatchObject({ kind: 'Unavailable', code: 'ClockSkewed', message: expect.stringContaining(`it is ${serverTime.toISOString()} there and ${new Date().toISOString().slice(0, 10)}`) })
    await expect(storage.head('s3://catalog/key')).rejects.toMatchObject({ code: 'ClockSkewed' })
    expect(String(requests[1]?.headers['x-amz-date']).slice(0, 11)).toBe(serverTime.toISOString().replaceAll(/[-:]/g, '').slice(0, 11))
  })

  it('403 is named with the permission, and asked once', async () => {
    const { storage, requests } = await answering((_, response) => response.writeHead(403).end(errorBody('AccessDenied')))
    await expect(put(storage)).rejects.toMatchObject({ kind: 'Denied', code: 'StorageDenied', message: 's3:PutObject: access is denied (the store answered 403 AccessDenied: words of the store): s3://catalog/key' })
    await expect(list(storage)).rejects.toMatchObject({ message: expect.stringMatching(/^s3:ListBucket: access is denied .*: s3:\/\/catalog\/$/) })
    const copy = storage.copyPart('s3://catalog/key', 'id', 1, { uri: 's3://catalog/source', ifMatch: '"x"', from: 0, to: 1 })
    await expect(copy).rejects.toMatchObject({ message: expect.stringContaining('s3:GetObject here and s3:PutObject on s3://catalog/key') })
    expect(requests).toHaveLength(3)
  })

  it.each([[500, 'InternalError'], [503, 'SlowDown']] as const)('%i %s is asked once, and leaves open what a write did', async (status, code) => {
    const { storage, requests } = await answering((_, response) => response.writeHead(status).end(errorBody(code)))
    for (const write of [put, complete]) await expect(write(storage)).rejects.toMatchObject({ kind: 'Unclear', message: expect.stringContaining(`${status} ${code}`) })
    const others = [
      () => list(storage),
      () => storage.get('s3://catalog/key'),
      () => storage.head('s3://catalog/key'),
      () => storage.remove('s3://catalog/key'),
      () => storage.beginUpload('s3://catalog/key'),
      () => storage.abortUpload('s3://catalog/key', 'id'),
    ]
    for (const call of others) await expect(call()).rejects.toMatchObject({ kind: 'Unavailable' })
    expect(requests).toHaveLength(2 + others.length)
  })

  it('nothing: a dropped connection leaves open what a write did, and is not asked again', async () => {
    const { storage, requests } = await answering((_, response) => response.destroy())
    for (const write of [put, complete]) await expect(write(storage)).rejects.toMatchObject({ kind: 'Unclear' })
    await expect(storage.uploadPart('s3://catalog/key', 'id', 1, bytes)).rejects.toMatchObject({ kind: 'Unavailable' })
    await expect(storage.get('s3://catalog/key')).rejects.toMatchObject({ kind: 'Unavailable' })
    expect(requests).toHaveLength(4)
  })

  it('200 with an error as the body of a completion or a copy: neither is taken for done', async () => {
    const { storage } = await answering((_, response) => response.writeHead(200).end(errorBody('InternalError')))
    await expect(complete(storage)).rejects.toMatchObject({ kind: 'Unclear', message: expect.stringContaining('InternalError') })
    await expect(storage.copyPart('s3://catalog/key', 'id', 1, { uri: 's3://catalog/source', ifMatch: '"x"', from: 0, to: 1 })).rejects.toMatchObject({ kind: 'Unavailable', message: expect.stringContaining('InternalError') })
  })

  it.each(['', '{}', '<html><body>Welcome</body></html>', '<html><br></body>', errorBody('InternalError')])('200 with %j for a listing: it is not taken for an empty one', async (body) => {
    const { storage } = await answering((_, response) => response.writeHead(200).end(body))
    await expect(list(storage)).rejects.toMatchObject({ name: 'StorageError', kind: 'Unavailable' })
    await expect(storage.listUploads('s3://catalog/key')).rejects.toMatchObject({ name: 'StorageError', kind: 'Unavailable' })
    await expect(complete(storage)).rejects.toMatchObject({ kind: 'Unclear' })
  })

  it('a completion with what is not there then', async () => {
    const { storage } = await answering((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { etag: '"another"', 'content-length': '5' }).end()
      else response.end('<CompleteMultipartUploadResult><ETag>"made"</ETag></CompleteMultipartUploadResult>')
    })
    await expect(complete(storage)).rejects.toMatchObject({ kind: 'Unclear', message: expect.stringContaining('"another" is there') })
  })

  it('a completion, and then no more', async () => {
    const { storage } = await answering((request, response) => {
      if (request.method === 'HEAD') response.writeHead(503).end()
      else response.end('<CompleteMultipartUploadResult><ETag>"made"</ETag></CompleteMultipartUploadResult>')
    })
    await expect(complete(storage)).rejects.toMatchObject({ kind: 'Unclear', message: expect.stringContaining('the store answered 503') })
  })

  it('that a copy\'s source or its upload is missing: the one that is', async () => {
    const codes = ['NoSuchUpload', 'NoSuchKey']
    const { storage } = await answering((_, response) => response.writeHead(404).end(errorBody(codes.shift() ?? '')))
    const copy = () => storage.copyPart('s3://catalog/key', 'id', 1, { uri: 's3://catalog/source', ifMatch: '"x"', from: 0, to: 1 })
    await expect(copy()).rejects.toMatchObject({ kind: 'NotFound', uri: 's3://catalog/key' })
    await expect(copy()).rejects.toMatchObject({ kind: 'NotFound', uri: 's3://catalog/source' })
  })

  it.each(['', '404 page not found\n', '{"error":"no route"}'])('404 with the body %j, as a gateway that has lost its way to the store: nothing is taken for gone', async (body) => {
    const { storage } = await answering((_, response) => response.writeHead(404, { 'content-type': 'text/plain' }).end(body))
    const calls = [
      () => storage.head('s3://catalog/key'),
      () => storage.get('s3://catalog/key'),
      () => collectItems(storage.read('s3://catalog/key', 0, 1, '"x"')),
      () => storage.put('s3://catalog/key', bytes, { ifMatch: '"x"' }),
      () => storage.copyPart('s3://catalog/key', 'id', 1, { uri: 's3://catalog/source', ifMatch: '"x"', from: 0, to: 1 }),
    ]
    for (const call of calls) await expect(call()).rejects.toMatchObject({ kind: 'Misused', code: 'StorageUnavailable' })
  })

  it('as a web server does', async () => {
    const { storage } = await answering((_, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<html><body><hr>Not Found</body></html>'))
    await expect(list(storage)).rejects.toMatchObject({ kind: 'Misused', message: expect.stringContaining('what answers at spec.storage.endpoint is not an S3 store') })
    await expect(storage.get('s3://catalog/key')).rejects.toMatchObject({ kind: 'Misused' })
    await expect(storage.head('s3://catalog/key')).rejects.toMatchObject({ kind: 'Misused' })
  })

  it('an error that breaks off: what it would have said is not known', async () => {
    const { storage } = await answering((_, response) => {
      response.writeHead(404, { 'content-length': '1000' })
      response.write('<Error><Code>NoSuch', () => setImmediate(() => response.destroy()))
    })
    await expect(storage.get('s3://catalog/key')).rejects.toMatchObject({ kind: 'Unavailable', message: expect.stringContaining('the connection broke') })
    await expect(list(storage)).rejects.toMatchObject({ kind: 'Unavailable' })
    for (const write of [put, complete]) await expect(write(storage)).rejects.toMatchObject({ kind: 'Unclear' })
  })

  it('with half a body', async () => {
    const { storage } = await answering((request, response) => {
      response.writeHead(request.headers.range === undefined ? 200 : 206, { etag: '"x"', 'content-length': '10', 'content-range': 'bytes 0-9/10' })
      response.write('01234', () => setImmediate(() => response.destroy()))
    })
    const seen: string[] = []
    const reading = async () => {
      for await (const window of storage.read('s3://catalog/key', 0, 10, '"x"')) seen.push(Buffer.from(window).toString())
    }
    await expect(reading()).rejects.toMatchObject({ kind: 'Unavailable', message: expect.stringContaining('s3:GetObject: the connection broke') })
    expect(seen.join('')).toBe('01234')
    await expect(storage.get('s3://catalog/key')).rejects.toMatchObject({ kind: 'Unavailable' })
    await expect(list(storage)).rejects.toMatchObject({ kind: 'Unavailable' })
  })

  it.each([[200, undefined], [206, 'bytes 0-4/10'], [206, undefined]] as const)('a range with other bytes (%i, %s)', async (status, range) => {
    const { storage } = await answering((_, response) => response.writeHead(status, { etag: '"x"', ...(range === undefined ? {} : { 'content-range': range }) }).end('01234'))
    await expect(collectBytes(storage.read('s3://catalog/key', 2, 7, '"x"'))).rejects.toMatchObject({ kind: 'Misused', code: 'StorageUnsuitable', message: expect.stringContaining('does not serve ranges') })
  })

  it('a get with a large object: it is not downloaded', async () => {
    let sent = 0
    const { storage } = await answering((_, response) => {
      response.writeHead(200, { etag: '"x"', 'content-length': String(64 * 1024 * 1024) })
      const piece = Buffer.alloc(1024 * 1024)
      const more = () => {
        while (!response.destroyed && sent < 64) {
          sent += 1
          if (!response.write(piece)) return void response.once('drain', more)
        }
      }
      more()
    })
    await expect(storage.get('s3://catalog/key')).rejects.toMatchObject({ kind: 'Misused', message: expect.stringContaining('is read by ranges only') })
    await expect.poll(() => server?.connections()).toBe(0)
    expect(sent).toBeLessThan(64)
  })

  it('a range without end: its connection is closed when the reader stops', async () => {
    const { storage } = await answering((_, response) => {
      response.writeHead(206, { etag: '"x"', 'content-range': 'bytes 0-9999999/10000000', 'content-length': '10000000' })
      response.write(Buffer.alloc(100_000))
    })
    for await (const window of storage.read('s3://catalog/key', 0, 10_000_000, '"x"')) {
      expect(window.length).toBeGreaterThan(0)
      break
    }
    await expect.poll(() => server?.connections()).toBe(0)
  })

  it('a listing out of order', async () => {
    const { storage } = await answering((_, response) =>
      response.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${['\uFFFD', '😀', 'b'].map((key) => `<Contents><Key>${key}</Key><ETag>"x"</ETag><Size>1</Size></Contents>`).join('')}</ListBucketResult>`),
    )
    await expect(list(storage)).rejects.toMatchObject({ kind: 'Misused', code: 'StorageUnsuitable', message: expect.stringContaining('The store lists "b" after "😀"') })
  })

  it('a listing by encoded keys, page by page, with the markers of folders', async () => {
    const page = (keys: string[], next?: string) =>
      `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${next !== undefined}</IsTruncated>${next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`}` +
      `${keys.map((key) => `<Contents><Key>${key}</Key><ETag>&quot;x&quot;</ETag><Size>1</Size></Contents>`).join('')}</ListBucketResult>`
    const { storage, requests } = await answering((request, response) => response.end(request.url.includes('continuation-token=a%2Bb') ? page(['b%2520/%C3%A9']) : page(['a+a/', 'a+a/x%2By'], 'a+b')))
    expect(await list(storage)).toEqual([{ uri: 's3://catalog/a a/x+y', etag: '"x"', size: 1 }, { uri: 's3://catalog/b%20/é', etag: '"x"', size: 1 }])
    expect(requests).toHaveLength(2)
  })

  it('a listing of uploads, page by page, the same key on two of them', async () => {
    const page = (ids: string[], next?: string) =>
      `<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>${next !== undefined}</IsTruncated>${next === undefined ? '' : `<NextKeyMarker>a+b</NextKeyMarker><NextUploadIdMarker>${next}</NextUploadIdMarker>`}` +
      `${ids.map((id) => `<Upload><Key>a+b</Key><UploadId>${id}</UploadId></Upload>`).join('')}</ListMultipartUploadsResult>`
    const { storage, requests } = await answering((request, response) => {
      const { searchParams } = new URL(request.url, 'http://x')
      response.end(searchParams.get('upload-id-marker') === 'two' && searchParams.get('key-marker') === 'a b' ? page(['three']) : page(['one', 'two'], 'two'))
    })
    expect(await storage.listUploads('s3://catalog/a b')).toEqual(['one', 'two', 'three'])
    expect(requests).toHaveLength(2)
  })

  it('a listing of uploads that never ends', async () => {
    const { storage } = await answering((_, response) => response.end('<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker></ListMultipartUploadsResult>'))
    await expect(storage.listFolderUploads('s3://catalog/')).rejects.toMatchObject({ kind: 'Unavailable', message: expect.stringContaining('the same page of uploads twice') })
  })
})
