import { isScalar, LineCounter, parseAllDocuments, type Document } from 'yaml'
import type { FieldPath, Finding } from './findings.ts'

/** Largest manifest, in bytes: what an API server's request may hold (etcd's limit). */
export const MANIFEST_LIMIT = 1.5 * 1024 * 1024

/** One YAML document of a manifest: its value, and where its fields stand. */
export interface ManifestDocument {
  readonly value: unknown
  /** Line, from 1, of a field, or of the nearest field around it that the file has. */
  lineOf(path: FieldPath): number | undefined
}

/** Reads the documents of a YAML (or JSON, which is YAML) file, one or more. */
export function readManifestDocuments(text: string): { readonly documents: readonly ManifestDocument[] } | { readonly findings: readonly Finding[] } {
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
  if (documents.length === 0) return { findings: [{ path: [], problem: 'the file holds no document', instead: 'write one LlmBatchJob; examples/ has some' }] }
  try {
    return { documents: documents.map((document) => ({ value: document.toJS({ maxAliasCount: 100 }) as unknown, lineOf: (path) => lineOf(document, lines, path) })) }
  } catch (error) {
    // An alias without its anchor, or aliases that blow up when they are expanded.
    if (error instanceof ReferenceError) return { findings: [{ path: [], problem: `not valid YAML: ${error.message}` }] }
    throw error
  }
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
