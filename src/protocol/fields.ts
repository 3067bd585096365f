/** Parameters of a request (RFC 6749 §3.1, §3.2): each at most once, empty ones as if omitted. */

import { OAuthError } from './errors.ts'

/** A longer form is refused. */
export const MAX_FORM_BYTES = 16 * 1024

export type Fields = ReadonlyMap<string, string>

/** RFC 8707 §2 lets `resource` be repeated. We do not read it, and do not punish those who send it. */
const MAY_REPEAT = new Set(['resource'])

/** In one pass: a body has room for thousands of names. Of a repeated name the first value. */
function collect(pairs: URLSearchParams) {
  const fields = new Map<string, string>()
  const repeated = new Set<string>()
  pairs.forEach((value, name) => {
    if (!fields.has(name)) fields.set(name, value)
    else if (!MAY_REPEAT.has(name)) repeated.add(name)
  })
  for (const [name, value] of fields) if (value === '') fields.delete(name)
  return { fields: fields as Fields, repeated: [...repeated] }
}

/** The names that occur more than once, against §3.1. */
export const repeatedFields = (pairs: URLSearchParams) => collect(pairs).repeated

/** As `readFields`, without judging: of a repeated name the first value. */
export const firstFields = (pairs: URLSearchParams) => collect(pairs).fields

/** A name that is none of a parameter is not repeated: a whole body may stand there, with its secrets. */
const nameForLog = (name: string) => (/^[a-z_]{1,32}$/.test(name) ? name : 'an unusual name')

/** For a request in which these names occur more than once. */
export const repetition = (names: readonly string[]) =>
  new OAuthError('invalid_request', 'A parameter is included more than once.', {
    detail: `more than once: ${names.map(nameForLog).join(', ')}`,
  })

/** Throws `invalid_request` when a parameter is repeated. */
export function readFields(pairs: URLSearchParams): Fields {
  const { fields, repeated } = collect(pairs)
  if (repeated.length > 0) throw repetition(repeated)
  return fields
}

/** Throws `invalid_request` naming the parameter when it is missing. `name` is ours, not the caller's. */
export function required(fields: Fields, name: string): string {
  const value = fields.get(name)
  if (value === undefined)
    throw new OAuthError('invalid_request', `The parameter ${name} is missing.`)
  return value
}
