import { S3Storage } from '../../runner/storage/s3-storage.ts'
import { collectBytes, collectItems } from '../../runner/storage/collect.ts'
import type { Place } from '../kill/job-folder.ts'
import type { S3Server } from './versitygw.ts'

/** Storage of a test's server, with the credentials it takes. */
export function storageOf(server: S3Server, endpoint = server.endpoint): S3Storage {
  const { region, accessKeyId, secretAccessKey } = server
  return new S3Storage({ endpoint, region, credentials: { accessKeyId, secretAccessKey } })
}

/** A folder of the server's bucket, with the work in it too: jobs of other folders share no answers. `endpoint` is that of a proxy in front of it, if the job goes through one. */
export function s3Place(server: S3Server, folder: string, endpoint = server.endpoint): Place {
  const storage = storageOf(server)
  const root = `s3://${server.bucket}/${folder}/`
  return {
    root,
    spec: { storage: { endpoint, region: server.region, credentialsSecretRef: { name: 's3' } }, work: { uri: `${root}work/` } },
    env: { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey },
    putInput: async (file, bytes) => void (await storage.put(`${root}data/${file}`, bytes, { unconditional: true })),
    readOutput: async (file) => {
      const uri = `${root}out/${file}`
      const found = await storage.head(uri)
      if (found === null) throw new Error(`there is no ${uri}`)
      return collectBytes(storage.read(uri, 0, found.size, found.etag))
    },
    leftovers: async () => {
      const folders = new Set((await collectItems(storage.list(`s3://${server.bucket}/`))).map(({ uri }) => uri.slice(0, uri.lastIndexOf('/') + 1)))
      return (await Promise.all([...folders].map((each) => storage.listFolderUploads(each)))).flat().map(({ uri }) => `unfinished upload of ${uri}`)
    },
  }
}
