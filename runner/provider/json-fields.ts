/** Reading JSON that others wrote: a field that is absent, null or of another type reads as undefined. */
export type JsonObject = Readonly<Record<string, unknown>>

/** The JSON object in a text; undefined when it is anything else. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

export function asObject(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function objectAt(value: JsonObject | undefined, name: string): JsonObject | undefined {
  return asObject(value?.[name])
}

export function stringAt(value: JsonObject | undefined, name: string): string | undefined {
  const field = value?.[name]
  return typeof field === 'string' ? field : undefined
}

export function numberAt(value: JsonObject | undefined, name: string): number | undefined {
  const field = value?.[name]
  return typeof field === 'number' && Number.isFinite(field) ? field : undefined
}

export function listAt(value: JsonObject | undefined, name: string): readonly unknown[] {
  const field = value?.[name]
  return Array.isArray(field) ? field : []
}
