import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { CompressionCodec } from 'hyparquet'
import { decompressLz4, decompressLz4Raw, decompressSnappy } from 'hyparquet-compressors'

/** Decompresses a page whose size is known. Throws Error when the codec is not served or the data does not fit. */
export function decompress(codec: CompressionCodec, bytes: Uint8Array, size: number): Uint8Array {
  if (size === 0) return new Uint8Array(0)
  const page = decompressAny(codec, bytes, size)
  if (page.length !== size) throw new Error(`a page has ${page.length} bytes, its header says ${size}`)
  return page
}

/** Why pages of a codec cannot be read; null when they can. */
export function unreadableCodec(codec: CompressionCodec | undefined): string | null {
  if (codec === undefined) return 'its compression is not known'
  return codec === 'LZO' ? 'it is compressed with LZO' : null
}

function decompressAny(codec: CompressionCodec, bytes: Uint8Array, size: number): Uint8Array {
  switch (codec) {
    case 'UNCOMPRESSED':
      return bytes
    case 'ZSTD':
      return zstdDecompressSync(bytes, { maxOutputLength: size })
    case 'GZIP':
      return gunzipSync(bytes, { maxOutputLength: size })
    case 'BROTLI':
      return brotliDecompressSync(bytes, { maxOutputLength: size })
    case 'SNAPPY':
      return decompressSnappy(bytes, size)
    case 'LZ4':
      return decompressLz4(bytes, size)
    case 'LZ4_RAW':
      return decompressLz4Raw(bytes, size)
    case 'LZO':
      throw new Error('LZO is not served')
  }
}
