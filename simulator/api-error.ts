import type { ErrorObject } from 'openai/resources/shared'

/** A refusal as OpenAI words it: status and `{error: {message, type, param, code}}`. */
export class ApiError extends Error {
  readonly status: number
  readonly body: ErrorObject

  constructor(status: number, message: string, details: { type?: string; param?: string; code?: string } = {}) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.body = { message, type: details.type ?? 'invalid_request_error', param: details.param ?? null, code: details.code ?? null }
  }
}

/** The connection ends without an answer, by script or because the control endpoint said so. The HTTP server resets the socket. */
export class ConnectionCut extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'ConnectionCut'
  }
}

/** A 400 that names the parameter that is missing. */
export function missingParameter(name: string): ApiError {
  return new ApiError(400, `Missing required parameter: '${name}'.`, { param: name, code: 'missing_required_parameter' })
}

/** A 400 for a value that is none of the supported ones. */
export function invalidValue(name: string, value: unknown, supported: readonly string[]): ApiError {
  const list = supported.map((each) => `'${each}'`).join(', ')
  return new ApiError(400, `Invalid value: '${String(value)}'. Supported values are: ${list}.`, { param: name, code: 'invalid_value' })
}

/** A 400 for a value of the wrong type. */
export function invalidType(name: string, expected: string): ApiError {
  return new ApiError(400, `Invalid type for '${name}': expected ${expected}.`, { param: name, code: 'invalid_type' })
}

/** A 400 for an integer outside [minimum, maximum]. */
export function integerOutside(name: string, value: number, minimum: number, maximum: number): ApiError {
  const above = value > maximum
  const bound = above ? `integer above maximum value. Expected a value <= ${maximum}` : `integer below minimum value. Expected a value >= ${minimum}`
  const code = above ? 'integer_above_max_value' : 'integer_below_min_value'
  return new ApiError(400, `Invalid '${name}': ${bound}, but got ${value} instead.`, { param: name, code })
}

/** A 400 for a text over its limit; `what` says which of the parameter's texts. */
export function stringTooLong(name: string, what: string, maximum: number, length: number): ApiError {
  const message = `Invalid '${name}': ${what} too long. Expected a ${what} with maximum length ${maximum}, but got a ${what} with length ${length} instead.`
  return new ApiError(400, message, { param: name, code: 'string_above_max_length' })
}
