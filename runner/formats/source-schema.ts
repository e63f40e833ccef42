import type { SchemaTree } from 'hyparquet'
import { leafText, type LeafText } from './leaf-text.ts'
import { leafType } from './leaf-type.ts'
import type { SourcePath } from './row-source.ts'

interface NodeBase {
  readonly name: string
  /** Type in words. */
  readonly type: string
  /** Why values of this node cannot be written exactly; null when they can. */
  readonly unsupported: string | null
  readonly optional: boolean
  /** Definition level from which on the value is not null. */
  readonly definition: number
  /** Leaf columns under this node, by their place among the file's column chunks. */
  readonly leaves: readonly number[]
}

/** A leaf column. */
export interface LeafNode extends NodeBase {
  readonly kind: 'leaf'
  readonly leaf: number
  readonly text: LeafText
}

interface RepeatedNode extends NodeBase {
  /** Definition level from which on there is an item. */
  readonly itemDefinition: number
  /** Repetition level of an item that is not the first. */
  readonly itemRepetition: number
}

/** A column or field, with Parquet's ways to write lists and maps resolved. */
export type SchemaNode =
  | LeafNode
  | (NodeBase & { readonly kind: 'struct'; readonly children: readonly SchemaNode[] })
  | (RepeatedNode & { readonly kind: 'list'; readonly item: SchemaNode })
  | (RepeatedNode & { readonly kind: 'map'; readonly key: LeafNode; readonly value: SchemaNode })

/** The largest levels of a leaf column. */
export interface LeafLevels {
  readonly definition: number
  readonly repetition: number
}

export interface SourceSchema {
  readonly columns: readonly SchemaNode[]
  /** By leaf. */
  readonly levels: readonly LeafLevels[]
}

/** Resolves a schema. `unreadable(leaf)` says why the bytes of a leaf column cannot be read, if so. */
export function resolveSchema(root: SchemaTree, unreadable: (leaf: number) => string | null): SourceSchema {
  const levels: LeafLevels[] = []
  const columns = root.children.map((child) => resolve(child, 0, 0, { levels, unreadable }))
  return { columns, levels }
}

/** Every path that a prompt may name: columns, and fields of structs that are not in lists or maps. */
export function sourcePaths(columns: readonly SchemaNode[], parent: readonly string[] = []): readonly SourcePath[] {
  return columns.flatMap((node) => {
    const path = [...parent, node.name]
    const own = { path, type: node.type, text: node.kind === 'leaf', ...(node.unsupported === null ? {} : { unsupported: node.unsupported }) }
    return node.kind === 'struct' ? [own, ...sourcePaths(node.children, path)] : [own]
  })
}

/** The node at a path; undefined when there is none. */
export function nodeAt(columns: readonly SchemaNode[], path: readonly string[]): SchemaNode | undefined {
  const [name, ...rest] = path
  const node = columns.find((candidate) => candidate.name === name)
  if (node === undefined || rest.length === 0) return node
  return node.kind === 'struct' ? nodeAt(node.children, rest) : undefined
}

interface Context {
  readonly levels: LeafLevels[]
  readonly unreadable: (leaf: number) => string | null
}

/** A field under a parent with these levels. A repeated field without LIST around it is a list that is never null. */
function resolve(tree: SchemaTree, definition: number, repetition: number, context: Context): SchemaNode {
  switch (tree.element.repetition_type ?? 'REQUIRED') {
    case 'REPEATED':
      return listNode(tree.element.name, false, definition, repetition, content(tree, false, definition + 1, repetition + 1, context))
    case 'OPTIONAL':
      return content(tree, true, definition + 1, repetition, context)
    case 'REQUIRED':
      return content(tree, false, definition, repetition, context)
  }
}

function content(tree: SchemaTree, optional: boolean, definition: number, repetition: number, context: Context): SchemaNode {
  const { element, children } = tree
  const { name } = element
  if (children.length === 0) return leafNode(tree, optional, definition, repetition, context)
  const annotation = element.logical_type?.type ?? element.converted_type
  const [only] = children
  const repeated = children.length === 1 && only?.element.repetition_type === 'REPEATED' ? only : null
  if (repeated !== null && annotation === 'LIST') {
    const [item] = repeated.children
    const wraps = item !== undefined && repeated.children.length === 1 && isItemWrapper(tree, repeated, item)
    const levels = [definition + 1, repetition + 1] as const
    return listNode(name, optional, definition, repetition, wraps ? resolve(item, ...levels, context) : content(repeated, false, ...levels, context))
  }
  if (repeated !== null && (repeated.children.length === 1 || repeated.children.length === 2) && (annotation === 'MAP' || annotation === 'MAP_KEY_VALUE')) {
    const [key, value] = repeated.children.map((child) => resolve(child, definition + 1, repetition + 1, context))
    // A map without values is a set of keys.
    if (key !== undefined) return value === undefined ? listNode(name, optional, definition, repetition, key) : mapNode(name, optional, definition, repetition, key, value)
  }
  const fields = children.map((child) => resolve(child, definition, repetition, context))
  const variant = annotation === 'VARIANT' ? 'VARIANT is a binary encoding; it has no exact text here' : null
  return {
    kind: 'struct', name, type: annotation === 'VARIANT' ? 'VARIANT' : 'struct', optional, definition, children: fields, leaves: fields.flatMap((field) => field.leaves), unsupported: variant ?? firstReason(fields),
  }
}

/** Whether the repeated group only wraps the item, or is the item itself. Source: LogicalTypes.md, "Backward-compatibility rules" of lists. */
function isItemWrapper(list: SchemaTree, repeated: SchemaTree, item: SchemaTree): boolean {
  return item.element.repetition_type !== 'REPEATED' && repeated.element.name !== 'array' && repeated.element.name !== `${list.element.name}_tuple`
}

function leafNode({ element }: SchemaTree, optional: boolean, definition: number, repetition: number, { levels, unreadable }: Context): LeafNode {
  const leaf = levels.push({ definition, repetition }) - 1
  const { words, meaning } = leafType(element)
  return {
    kind: 'leaf', name: element.name, type: words, optional, definition, leaf, leaves: [leaf], text: leafText(meaning), unsupported: meaning.kind === 'unsupported' ? meaning.reason : unreadable(leaf),
  }
}

function listNode(name: string, optional: boolean, definition: number, repetition: number, item: SchemaNode): SchemaNode {
  return {
    kind: 'list', name, type: `list of ${item.type}`, optional, definition, itemDefinition: definition + 1, itemRepetition: repetition + 1, item, leaves: item.leaves, unsupported: firstReason([item]),
  }
}

function mapNode(name: string, optional: boolean, definition: number, repetition: number, key: SchemaNode, value: SchemaNode): SchemaNode {
  const base = { name, optional, definition, itemDefinition: definition + 1, itemRepetition: repetition + 1, leaves: [...key.leaves, ...value.leaves] }
  if (key.kind !== 'leaf') {
    const pair: SchemaNode = { kind: 'struct', name, type: 'struct', optional: false, definition: definition + 1, children: [key, value], leaves: base.leaves, unsupported: firstReason([key, value]) }
    return { ...base, kind: 'list', type: `list of ${pair.type}`, item: pair, unsupported: pair.unsupported }
  }
  return { ...base, kind: 'map', type: `map from ${key.type} to ${value.type}`, key, value, unsupported: firstReason([key, value]) }
}

function firstReason(nodes: readonly SchemaNode[]): string | null {
  const node = nodes.find(({ unsupported }) => unsupported !== null)
  return node === undefined ? null : `${node.name}: ${node.unsupported}`
}
