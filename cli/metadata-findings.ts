import type { Finding } from './findings.ts'
import { isFields, valueAt } from './partial-spec.ts'

/** Sources: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ and …/annotations/, "Syntax and character set". */
const NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const PREFIX = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/
const SYNTAX = "at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"

/** What Kubernetes refuses in labels and annotations. */
export function metadataFindings(manifest: unknown): Finding[] {
  return (['labels', 'annotations'] as const).flatMap((field) => {
    const entries = valueAt(manifest, ['metadata', field])
    return Object.entries(isFields(entries) ? entries : {}).flatMap(([key, value]): Finding[] => {
      const path = ['metadata', field, key]
      if (!isKey(key)) return [{ path, problem: 'has a key that Kubernetes refuses', instead: `write ${SYNTAX}; a domain and / may stand before them` }]
      if (field === 'labels' && typeof value === 'string' && value !== '' && !NAME.test(value)) {
        return [{ path, problem: `is ${JSON.stringify(value)}, which no label may be`, instead: `write ${SYNTAX}; longer text is for annotations` }]
      }
      return []
    })
  })
}

function isKey(key: string): boolean {
  const [first = '', second, ...rest] = key.split('/')
  return rest.length === 0 && (second === undefined ? NAME.test(first) : PREFIX.test(first) && NAME.test(second))
}
