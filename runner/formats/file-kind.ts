/** Bytes of a file's start that tell its kind. */
export const HEAD_SIZE = 512

/** Files that start with these bytes. Sources: RFC 1952, RFC 8878, APPNOTE of ZIP, the specifications of Avro, ORC, Arrow and bzip2, xz. */
const SIGNATURES: readonly (readonly [string, string])[] = [
  ['\x1f\x8b', 'gzip: decompress it, for Parquet compresses its own pages'],
  ['\x28\xb5\x2f\xfd', 'Zstandard: decompress it, for Parquet compresses its own pages'],
  ['BZh', 'bzip2: decompress it, for Parquet compresses its own pages'],
  ['\xfd7zXZ\0', 'xz: decompress it, for Parquet compresses its own pages'],
  ['PK\x03\x04', 'a ZIP archive or an Excel workbook'],
  ['Obj\x01', 'Avro: convert it to Parquet'],
  ['ORC', 'ORC: convert it to Parquet'],
  ['ARROW1', 'Arrow IPC (Feather): convert it to Parquet'],
  ['version https://git-lfs.github.com/spec/', 'a pointer of Git LFS: run git lfs pull'],
]

/** What a file that is not Parquet looks like by its first bytes, and what to do; null when they tell nothing. */
export function fileKind(head: Uint8Array): string | null {
  const bytes = Buffer.from(head.subarray(0, HEAD_SIZE))
  const signature = SIGNATURES.find(([magic]) => bytes.subarray(0, magic.length).equals(Buffer.from(magic, 'latin1')))
  if (signature !== undefined) return signature[1]
  if (bytes.every((byte) => byte === 0)) return 'nothing but zeros: write or download it again'
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '').trimStart()
  if (/^<(!doctype html|html)/i.test(text)) return 'an HTML page: a download brought an error or a login page'
  if (text.startsWith('<')) return 'XML: a download may have brought an error'
  if (/^[{[]\s*["{[\]}]/.test(text)) return 'JSON, which is not read yet: convert it to Parquet'
  // Control characters other than blanks are no text; a character may be cut at the end of the head.
  if (/[^\P{Cc}\t\n\v\f\r]|\uFFFD(?!$)/u.test(text)) return null
  const [line = ''] = text.split(/\r?\n/)
  const separator = [',', '\t', ';', '|'].find((candidate) => line.includes(candidate))
  return separator === undefined ? 'text, which is not read yet: convert it to Parquet' : 'CSV, which is not read yet: convert it to Parquet'
}
