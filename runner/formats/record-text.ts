import type { LeafCursor } from './leaf-cursor.ts'
import { NoExactText } from './leaf-text.ts'
import type { LeafNode, SchemaNode } from './source-schema.ts'

/** Cursors by leaf; those of the node's leaves are there. */
export type Cursors = ReadonlyMap<number, LeafCursor>

/**
 * The value of a node in the row that its cursors are ready for, as text or JSON; null where the row holds null. It starts at
 * the row's first triple and leaves the node's cursors behind its last. Source: the record assembly of the Dremel paper, section 4.2.
 */
export function rowText(node: SchemaNode, cursors: Cursors, render: 'text' | 'json'): string | null {
  for (const leaf of node.leaves) cursorOf(leaf, cursors).rewind()
  if (node.kind === 'leaf' && render === 'text') return leafValue(node, cursors, 'text')
  return json(node, cursors)
}

function json(node: SchemaNode, cursors: Cursors): string | null {
  if (node.kind === 'leaf') return leafValue(node, cursors, 'json')
  const first = firstCursor(node, cursors)
  if (first.definition < node.definition) return passed(node, cursors, null)
  switch (node.kind) {
    case 'struct':
      return `{${node.children.map((child) => `${JSON.stringify(child.name)}:${json(child, cursors) ?? 'null'}`).join(',')}}`
    case 'list':
      return `[${items(node, cursors, () => json(node.item, cursors) ?? 'null').join(',')}]`
    case 'map':
      return `{${items(node, cursors, () => {
        const key = leafValue(node.key, cursors, 'text')
        if (key === null) throw new NoExactText('a map holds a null key')
        return `${JSON.stringify(key)}:${json(node.value, cursors) ?? 'null'}`
      }).join(',')}}`
  }
}

function leafValue(node: LeafNode, cursors: Cursors, render: 'text' | 'json'): string | null {
  const cursor = cursorOf(node.leaf, cursors)
  if (cursor.definition < node.definition) {
    cursor.pass()
    return null
  }
  const value = cursor.take()
  return render === 'text' ? node.text.text(value) : node.text.json(value)
}

function items(node: Extract<SchemaNode, { kind: 'list' | 'map' }>, cursors: Cursors, item: () => string): readonly string[] {
  const first = firstCursor(node, cursors)
  if (first.definition < node.itemDefinition) return passed(node, cursors, [])
  const texts: string[] = []
  do texts.push(item())
  while (first.repetition === node.itemRepetition)
  return texts
}

/** Passes over the one triple that stands for an absent value in each leaf. */
function passed<T>(node: SchemaNode, cursors: Cursors, result: T): T {
  for (const leaf of node.leaves) cursorOf(leaf, cursors).pass()
  return result
}

function firstCursor(node: SchemaNode, cursors: Cursors): LeafCursor {
  const [leaf] = node.leaves
  if (leaf === undefined) throw new Error('a group without columns')
  return cursorOf(leaf, cursors)
}

function cursorOf(leaf: number, cursors: Cursors): LeafCursor {
  const cursor = cursors.get(leaf)
  if (cursor === undefined) throw new Error(`leaf ${leaf} is not read`)
  return cursor
}
