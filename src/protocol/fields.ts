/** Parameters of a request (RFC 6749 §3.1, §3.2): each at most once, empty ones as if omitted. */

import { OAuthError } from './errors.ts'

export type Fields = ReadonlyMap<string, string>

/** RFC 8707 §2 lets `resource` be repeated. We do not read it, and do not punish those who send it. */
const MAY_REPEAT = new Set(['resource'])

/** The names that occur more than once, against §3.1. In one pass: a body has room for thousands of names. */
export function repeatedFields(pairs: URLSearchParams): string[] {
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const name of pairs.keys()) {
    if (seen.has(name) && !MAY_REPEAT.has(name)) repeated.add(name)
    seen.add(name)
  }
  return [...repeated]
}

/** As `readFields`, without judging: of a repeated name the first value. */
export const firstFields = (pairs: URLSearchParams): Fields =>
  new Map([...pairs].reverse().filter(([, value]) => value !== ''))

/** A name that is none of a parameter is not repeated: a whole body may stand there, with its secrets. */
const nameForLog = (name: string) => (/^[a-z_]{1,32}$/.test(name) ? name : 'an unusual name')

/** For a request in which these names occur more than once. */
export const repetition = (names: readonly string[]) =>
  new OAuthError('invalid_request', 'A parameter is included more than once.', {
    detail: `more than once: ${names.map(nameForLog).join(', ')}`,
  })

/** Throws `invalid_request` when a parameter is repeated. */
export function readFields(pairs: URLSearchParams): Fields {
  const repeated = repeatedFields(pairs)
  if (repeated.length > 0) throw repetition(repeated)
  return firstFields(pairs)
}

/** Throws `invalid_request` naming the parameter when it is missing. `name` is ours, not the caller's. */
export function required(fields: Fields, name: string): string {
  const value = fields.get(name)
  if (value === undefined)
    throw new OAuthError('invalid_request', `The parameter ${name} is missing.`)
  return value
}
