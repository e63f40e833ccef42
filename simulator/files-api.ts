import type { FileDeleted, FileObject } from 'openai/resources/files'
import { ApiError, invalidValue } from './api-error.ts'
import { seconds } from './batch-object.ts'
import { integerParameter, type Page, pageOf, type Reply, type SimulatorRequest } from './exchange.ts'
import { isLive, type ProviderState } from './provider-state.ts'
import type { FileRecord } from './records.ts'
import { readUpload } from './upload-form.ts'

const MAX_FILE_PAGE = 10_000

/** The file as the API shows it. */
export function fileObject(file: FileRecord): FileObject {
  return {
    id: file.id,
    object: 'file',
    bytes: file.bytes,
    created_at: seconds(file.createdAtMs),
    ...(file.expiresAtMs === null ? {} : { expires_at: seconds(file.expiresAtMs) }),
    filename: file.filename,
    purpose: file.purpose,
    status: 'processed',
  }
}

/** `/v1/files`, at a moment `now` up to which the state is settled. Each method throws ApiError for what OpenAI refuses. */
export class FilesApi {
  readonly #state: ProviderState
  readonly #now: () => number

  constructor(state: ProviderState, now: () => number) {
    this.#state = state
    this.#now = now
  }

  /** `POST /v1/files`: streams to the store; the file exists from the answer on. */
  async create(organization: string, request: SimulatorRequest): Promise<Reply> {
    const { id, sequence } = this.#state.nextId('file-', 24)
    const content = await this.#state.store.createContent(id)
    try {
      const form = await readUpload(request.headers['content-type'], request.body, content)
      await content.commit()
      return await this.#state.exclusive(async () => {
        const createdAtMs = this.#now()
        const file: FileRecord = {
          kind: 'file',
          id,
          sequence,
          organization,
          filename: form.filename,
          purpose: form.purpose,
          bytes: content.bytes,
          createdAtMs,
          expiresAtMs: form.expiresSeconds === null ? null : createdAtMs + form.expiresSeconds * 1000,
          deletedAtMs: null,
        }
        await this.#state.put(file)
        return { json: fileObject(file) }
      })
    } catch (error) {
      await content.abandon()
      throw error
    }
  }

  /** `GET /v1/files`: newest first unless `order=asc`. */
  list(organization: string, query: URLSearchParams, now: number): Reply {
    const order = query.get('order') ?? 'desc'
    if (order !== 'asc' && order !== 'desc') throw invalidValue('order', order, ['asc', 'desc'])
    const limit = integerParameter(query, 'limit', MAX_FILE_PAGE, 1, MAX_FILE_PAGE)
    const purpose = query.get('purpose')
    const files = [...this.#state.files.values()]
      .filter((file) => file.organization === organization && isLive(file, now) && (purpose === null || file.purpose === purpose))
      .sort((a, b) => a.createdAtMs - b.createdAtMs || a.sequence - b.sequence || (a.id < b.id ? -1 : 1))
    if (order === 'desc') files.reverse()
    const page: Page<FileObject> = pageOf(files, query, limit, fileObject)
    return { json: page }
  }

  /** `GET /v1/files/{id}` */
  retrieve(organization: string, id: string, now: number): Reply {
    return { json: fileObject(this.#find(organization, id, now)) }
  }

  /** `GET /v1/files/{id}/content`: a stream, which goes on when the file is deleted meanwhile. */
  content(organization: string, id: string, now: number): Reply {
    const file = this.#find(organization, id, now)
    const headers = { 'content-type': 'application/octet-stream', 'content-disposition': `attachment; filename="${encodeURIComponent(file.filename)}"` }
    return { stream: this.#state.store.readContent(id), bytes: file.bytes, headers }
  }

  /** `DELETE /v1/files/{id}` */
  async delete(organization: string, id: string, now: number): Promise<Reply> {
    const file = this.#find(organization, id, now)
    await this.#state.put({ ...file, deletedAtMs: now })
    const deleted: FileDeleted = { id, object: 'file', deleted: true }
    return { json: deleted }
  }

  #find(organization: string, id: string, now: number): FileRecord {
    const file = this.#state.files.get(id)
    if (file === undefined || file.organization !== organization || !isLive(file, now)) throw new ApiError(404, `No such File object: ${id}`, { param: 'id' })
    return file
  }
}
