import { EXIT } from './exit-codes.ts'

interface CatalogueEntry {
  /** Exit code of a runner that ends with this error. */
  readonly exitCode: number
  /** What happened, in general. */
  readonly summary: string
  /** The way out. */
  readonly remedy: string
}

const entry = (exitCode: number, summary: string, remedy: string): CatalogueEntry => ({ exitCode, summary, remedy })

/**
 * Every error that a user can meet. The code is the reason of the job's condition and has an entry in docs/errors.md
 * (`errors.test.ts` compares the two).
 */
export const ERROR_CATALOGUE = {
  InvalidJob: entry(EXIT.config, 'The LlmBatchJob does not fit the API.', 'Correct the fields that the message names; `llmbatch validate FILE` checks them all.'),
  UnsupportedURI: entry(EXIT.config, 'The URI has a scheme that is not served here.', 'Use `s3://bucket/key`, or `file:` with `llmbatch run`; input, output and work lie in one store.'),
  InvalidInput: entry(EXIT.config, 'An input file cannot be read as Parquet.', 'Replace or remove the file that the message names, or narrow `spec.input.uri`.'),
  InputNotFound: entry(EXIT.config, 'No file matches `spec.input.uri`.', 'Check the pattern: `*` stays within one path segment, `**` crosses segments, names that start with `_` or `.` are skipped.'),
  InputChanged: entry(EXIT.config, 'An input file was replaced after the job was planned. Nothing more is spent.', 'Run the job again: it plans anew, asks for the rows of the changed file, and files that did not change keep their answers.'),
  UnknownColumn: entry(EXIT.config, 'The prompt names a column that an input file does not have.', 'Use one of the near matches that the message names, or another of the file\'s columns.'),
  InvalidTemplate: entry(EXIT.config, 'The prompt template cannot be parsed.', 'Write `{{column}}`, `{{a.b}}` or `{{json column}}`; every `{{` needs its `}}`.'),
  UnsupportedColumn: entry(EXIT.config, 'A column has a type or an encoding that cannot be read or written back exactly.', 'Leave the column out of the prompt, or write the file without the encryption or encoding that the message names.'),
  ColumnExists: entry(EXIT.config, 'An added column has the name of an input column.', 'Choose another name in `spec.output.columns.names`.'),
  OutputExists: entry(EXIT.config, 'An output file exists that this job did not write.', 'Choose another `spec.output.uri`, remove the file, or set `spec.output.ifExists: Overwrite`.'),
  OutputInsideInput: entry(EXIT.config, 'The output or the work folder lies where the input pattern matches.', 'Choose a folder outside the input pattern.'),
  SpecTooLarge: entry(EXIT.config, 'The spec is over 96 KiB when compressed.', 'Shorten `spec.request`.'),
  RecordTooLarge: entry(EXIT.config, 'One row makes a request larger than the provider takes.', 'Shorten the prompt or leave out the row that the message names.'),
  AuthFailed: entry(EXIT.auth, 'The provider refused the credentials.', 'Check the key API_KEY in the Secret of `spec.provider.credentialsSecretRef`; run the job again and it goes on.'),
  SecretNotFound: entry(EXIT.auth, 'A Secret with credentials of the provider or of storage, or one of its keys, is missing.', 'Give `--secret NAME=ENVFILE` to `llmbatch run`, or set the keys in its environment: API_KEY for the provider, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for storage.'),
  BatchRejected: entry(EXIT.config, 'The provider refused a batch as a whole. Nothing of it is billed.', 'Correct what the provider\'s message names, most often `spec.request.model` or `.parameters`.'),
  ProviderAccountChanged: entry(EXIT.auth, 'The credentials belong to another account than the one that holds open batches.', 'Use credentials of the former account until its batches are harvested.'),
  ProviderUnavailable: entry(EXIT.transient, 'The provider does not answer as its API says.', 'Check `spec.provider.baseURL` and the provider\'s status page; run the job again and it goes on.'),
  StorageUnavailable: entry(EXIT.transient, 'Storage does not answer, or fails.', 'Check that the store is up and has room; run the job again and it goes on.'),
  StorageDenied: entry(
    EXIT.auth,
    'Storage refused the credentials, or they may not do what the job needs.',
    'Check the Secret of `spec.storage.credentialsSecretRef`, or the Pod\'s own identity: it needs to list and get the input, and to list, get, put and delete objects and multipart uploads below the output and work URIs.',
  ),
  StorageHostNotFound: entry(EXIT.transient, 'The host name of the storage endpoint cannot be resolved.', 'Correct `spec.storage.endpoint`, or `.addressing` if the store does not serve buckets as host names.'),
  StorageTLSFailed: entry(EXIT.config, 'The TLS certificate of the storage endpoint is not trusted.', 'Name the ConfigMap with the CA in `spec.storage.caBundleConfigMapRef`; with `llmbatch run` give it by `--config-map NAME=FILE`.'),
  BucketNotFound: entry(EXIT.config, 'The bucket does not exist at the storage endpoint.', 'Correct the bucket in the URI, or `spec.storage.endpoint`.'),
  BucketRegionMismatch: entry(EXIT.config, 'The bucket lies in another region.', 'Set `spec.storage.region` to the region that the message names.'),
  ClockSkewed: entry(EXIT.transient, 'Storage refused a request because the clock of this machine is off.', 'Set the clock by NTP.'),
  StorageUnsuitable: entry(
    EXIT.config,
    'The store does not do what a job rests on: atomic conditional writes, ranged reads of one version, listings in order. Nothing is spent.',
    'Use a store with atomic conditional writes for output and work, such as AWS S3, MinIO or versitygw; ask the maker of this one.',
  ),
  ConfigMapNotFound: entry(EXIT.config, 'The ConfigMap with the CA bundle of storage, or its key ca.crt, is missing.', 'Give `--config-map NAME=FILE` to `llmbatch run`.'),
  LedgerLost: entry(EXIT.config, 'The work folder lost objects that this job had written. Nothing more is spent.', 'Restore the work folder. Without it the answers would be bought again; a new `spec.work.uri` does that on purpose.'),
  VersionSkew: entry(EXIT.config, 'The work folder was written by a newer llmbatch.', 'Use that version or a newer one.'),
  Incomplete: entry(EXIT.transient, 'The merge met shards that are not done.', 'Nothing to do: the shards are advanced and merged again.'),
  RunnerOutOfMemory: entry(EXIT.transient, 'A runner needed more memory than `spec.runner.memory`.', 'Raise `spec.runner.memory`, or write the input with smaller row groups.'),
  RunnerFailed: entry(EXIT.bug, 'A runner ended without an outcome, more often than it is tried again.', 'Read the message; if it names no cause of yours, please report it.'),
  InternalError: entry(EXIT.bug, 'llmbatch met a state that it should not be in.', 'Please report it with the message; running the job again is safe.'),
  SimulatorUnavailable: entry(EXIT.transient, 'The simulator did not start.', 'Read its log, which the message names.'),
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof ERROR_CATALOGUE

/** An error with a stable code. The message names the field, file, row or column and the cause; the catalogue adds the way out. */
export class LlmbatchError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LlmbatchError'
    this.code = code
  }

  get exitCode(): number {
    return ERROR_CATALOGUE[this.code].exitCode
  }

  get remedy(): string {
    return ERROR_CATALOGUE[this.code].remedy
  }
}

/** Whether a reason is a code of the catalogue. */
export function isErrorCode(reason: string): reason is ErrorCode {
  return Object.hasOwn(ERROR_CATALOGUE, reason)
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
