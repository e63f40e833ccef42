import { isScalar, LineCounter, parseAllDocuments, type Document } from 'yaml'
import type { FieldPath, Finding } from './findings.ts'

/** Largest manifest, in bytes: what an API server's request may hold (etcd's limit). */
export const MANIFEST_LIMIT = 1.5 * 1024 * 1024

/** A manifest's one YAML document: its value, and where its fields stand. */
export interface ManifestDocument {
  readonly value: unknown
  /** Line, from 1, of a field, or of the nearest field around it that the file has. */
  lineOf(path: FieldPath): number | undefined
}

/** Reads YAML (or JSON, which is YAML) that must hold one document. */
export function readManifestDocument(text: string): { document: ManifestDocument } | { findings: Finding[] } {
  if (Buffer.byteLength(text) > MANIFEST_LIMIT) {
    return { findings: [{ path: [], problem: `the file is larger than ${MANIFEST_LIMIT} bytes, the most that an API server takes`, instead: 'shorten spec.request' }] }
  }
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
  // A trailing `---` makes an empty document, which kubectl skips.
  const documents: Document.Parsed[] = 'empty' in parsed ? [] : parsed.filter((document) => document.errors.length > 0 || !isEmpty(document))
  const errors = documents.flatMap((document) => document.errors)
  if (errors.length > 0) {
    return { findings: errors.map((error) => ({ path: [], problem: `not valid YAML: ${error.message}`, line: lines.linePos(error.pos[0]).line })) }
  }
  const [document, second] = documents
  if (document === undefined) return { findings: [{ path: [], problem: 'the file holds no document', instead: 'write one LlmBatchJob; examples/ has some' }] }
  if (second !== undefined) {
    const line = second.contents === null ? undefined : lines.linePos(second.contents.range[0]).line
    const finding: Finding = { path: [], problem: `the file holds ${documents.length} documents`, instead: 'write one LlmBatchJob per file' }
    return { findings: [line === undefined ? finding : { ...finding, line }] }
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    // An alias without its anchor, or aliases that blow up when they are expanded.
    if (error instanceof ReferenceError) return { findings: [{ path: [], problem: `not valid YAML: ${error.message}` }] }
    throw error
  }
  return { document: { value, lineOf: (path) => lineOf(document, lines, path) } }
}

function isEmpty({ contents }: Document.Parsed): boolean {
  return contents === null || (isScalar(contents) && contents.value === null)
}

function lineOf(document: Document.Parsed, lines: LineCounter, path: FieldPath): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const offset = keyOffset(parent, path[length - 1])
    if (offset !== undefined) return lines.linePos(offset).line
  }
  return undefined
}

/** Where a mapping's key, or a sequence's item, starts. */
function keyOffset(node: unknown, step: string | number | undefined): number | undefined {
  if (typeof node !== 'object' || node === null || !('items' in node) || !Array.isArray(node.items)) return undefined
  for (const [index, item] of (node.items as readonly unknown[]).entries()) {
    const key = typeof item === 'object' && item !== null && 'key' in item ? item.key : undefined
    const matches = key === undefined ? index === step : typeof key === 'object' && key !== null && 'value' in key && String(key.value) === String(step)
    const at = key ?? item
    if (matches && typeof at === 'object' && at !== null && 'range' in at && Array.isArray(at.range)) {
      const [start] = at.range as readonly unknown[]
      if (typeof start === 'number') return start
    }
  }
  return undefined
}
