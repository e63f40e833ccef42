/** Operations of the S3 API that the project uses, by their names in the API reference; Other is any other request. */
export type S3Operation =
  | 'ListObjectsV2'
  | 'ListMultipartUploads'
  | 'HeadObject'
  | 'GetObject'
  | 'PutObject'
  | 'DeleteObject'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'UploadPartCopy'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'Other'

/** What a request asks for. `target` is its path (which starts with the bucket) and query. */
export function s3Operation(method: string, target: string, headers: Readonly<Record<string, unknown>>): S3Operation {
  const { pathname, searchParams: query } = new URL(target, 'http://store')
  const onObject = /^\/[^/]+\/./.test(pathname)
  if (!onObject) {
    if (method === 'GET' && query.has('uploads')) return 'ListMultipartUploads'
    return method === 'GET' && query.get('list-type') === '2' ? 'ListObjectsV2' : 'Other'
  }
  switch (method) {
    case 'HEAD':
      return 'HeadObject'
    case 'GET':
      return query.has('uploadId') ? 'Other' : 'GetObject'
    case 'PUT':
      if (!query.has('uploadId')) return 'x-amz-copy-source' in headers ? 'Other' : 'PutObject'
      return 'x-amz-copy-source' in headers ? 'UploadPartCopy' : 'UploadPart'
    case 'DELETE':
      return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject'
    case 'POST':
      if (query.has('uploads')) return 'CreateMultipartUpload'
      return query.has('uploadId') ? 'CompleteMultipartUpload' : 'Other'
    default:
      return 'Other'
  }
}
