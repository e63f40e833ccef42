import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fileKind } from './file-kind.ts'

describe('what a file looks like that is not Parquet', () => {
  it.each([
    [gzipSync('PAR1'), 'gzip: decompress it'],
    [zstdCompressSync('PAR1'), 'Zstandard: decompress it'],
    ['PK\x03\x04\x14\0', 'a ZIP archive'],
    ['Obj\x01\x04\x16avro.schema', 'Avro'],
    ['ORC\n\x0b', 'ORC'],
    ['ARROW1\0\0', 'Arrow IPC'],
    ['version https://git-lfs.github.com/spec/v1\noid sha256:4d7a', 'git lfs pull'],
    ['\n<!DOCTYPE html>\n<html>', 'an HTML page'],
    ['<?xml version="1.0"?><Error><Code>AccessDenied</Code>', 'XML'],
    ['{"id": 1, "title": "a"}\n{"id": 2}', 'JSON'],
    ['[\n  {"id": 1}\n]', 'JSON'],
    ['\uFEFFid,title\n1,Größe', 'CSV'],
    ['id;title\n1;a', 'CSV'],
    ['a list of words\n', 'text'],
    ['\0'.repeat(100), 'nothing but zeros'],
  ])('%j', (head, words) => {
    expect(fileKind(Buffer.from(head))).toContain(words)
  })

  it('is not guessed from bytes that tell nothing', () => {
    expect(fileKind(Uint8Array.of(0x80, 0x02, 0x7d, 0x71))).toBeNull()
  })

  it('is told of a head that cuts a character', () => {
    expect(fileKind(Buffer.from(`id,title\n${'é'.repeat(300)}`).subarray(0, 512))).toContain('CSV')
  })

  it('never throws', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (head) => void fileKind(head)))
  })
})
