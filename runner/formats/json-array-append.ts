/**
 * Appends elements to the array that a JSON object holds under `key`, by inserting text: all other text stays as it is, large
 * numbers and repeated keys included. Throws Error when the text is no JSON object with such an array.
 */
export function appendToJsonArray(json: string, key: string, elements: readonly unknown[]): string {
  const parsed: unknown = JSON.parse(json)
  if (typeof parsed !== 'object' || parsed === null || !(key in parsed)) throw new Error(`it has no "${key}"`)
  const array = (parsed as Record<string, unknown>)[key]
  if (!Array.isArray(array)) throw new Error(`its "${key}" is no list`)
  const end = arrayEnd(json, key)
  const added = elements.map((element) => JSON.stringify(element)).join(',')
  return `${json.slice(0, end)}${array.length > 0 && elements.length > 0 ? ',' : ''}${added}${json.slice(end)}`
}

/** Offset of the bracket that closes the array under a top-level key. The text is known to be JSON; of repeated keys the last counts, as in JSON.parse. */
function arrayEnd(json: string, key: string): number {
  let depth = 0
  let end = -1
  let inside = false
  const token = /"(?:[^"\\]|\\.)*"|[[\]{}]/g
  for (let match = token.exec(json); match !== null; match = token.exec(json)) {
    const text = match[0]
    if (text === '[' || text === '{') {
      depth += 1
    } else if (text === ']' || text === '}') {
      depth -= 1
      if (depth === 1 && inside) {
        end = match.index
        inside = false
      }
    } else if (depth === 1 && JSON.parse(text) === key && /^\s*:\s*\[/.test(json.slice(token.lastIndex, token.lastIndex + 256))) {
      inside = true
    }
  }
  if (end < 0) throw new Error(`its "${key}" cannot be found`)
  return end
}
