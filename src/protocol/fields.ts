/**
 * Parameters of a request (RFC 6749 §3.1, §3.2): a parameter MUST NOT be repeated, and an empty parameter counts as omitted.
 */

import { OAuthError } from './errors.ts'

export const MAX_FORM_BYTES = 16 * 1024

export type Fields = ReadonlyMap<string, string>

/** RFC 8707 §2 allows this parameter to be repeated. Its values are joined with spaces, which no URI contains. */
export const RESOURCE = 'resource'

/** Names and values in the order in which they were sent. */
export type Pairs = readonly (readonly [name: string, value: string])[]

/**
 * Decodes as the URL standard does. `URLSearchParams` is several times slower, so it decodes only text that
 * `decodeURIComponent` refuses: malformed escapes, and text that is not UTF-8.
 */
function decoded(text: string): string {
  if (!text.includes('%')) return text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return new URLSearchParams(`=${text}`).get('') as string
  }
}

/** `application/x-www-form-urlencoded` (URL standard, §5.1). */
export function formPairs(text: string): Pairs {
  const pairs: (readonly [name: string, value: string])[] = []
  for (const pair of text.split('&')) {
    const end = pair.indexOf('=')
    if (end !== -1) pairs.push([decoded(pair.slice(0, end)), decoded(pair.slice(end + 1))])
    else if (pair !== '') pairs.push([decoded(pair), ''])
  }
  return pairs
}

/** One pass, because a body can have thousands of names. A repeated name keeps its first value. */
function collect(pairs: Pairs) {
  const fields = new Map<string, string>()
  const repeated = new Set<string>()
  for (const [name, value] of pairs) {
    const first = fields.get(name)
    if (first === undefined) fields.set(name, value)
    else if (name === RESOURCE) fields.set(name, [first, value].filter(Boolean).join(' '))
    else repeated.add(name)
  }
  for (const [name, value] of fields) if (value === '') fields.delete(name)
  return { fields: fields as Fields, repeated: [...repeated] }
}

export const repeatedFields = (pairs: Pairs) => collect(pairs).repeated

/** Reads the fields as `readFields` does, but without an error: a repeated name keeps its first value. */
export const firstFields = (pairs: Pairs) => collect(pairs).fields

/** The form of names that an error may quote. Another name may be a whole body with its secrets. */
const PARAMETER_NAME = /^[a-z_]{1,32}$/

export function repetition(names: readonly string[]) {
  const known = names.filter((name) => PARAMETER_NAME.test(name))
  const which = known.length > 0 ? `The parameter ${known[0]}` : 'A parameter'
  const others = known.length < names.length ? ['an unusual name'] : []
  return new OAuthError('invalid_request', `${which} is included more than once.`, {
    detail: `more than once: ${[...known, ...others].join(', ')}`,
  })
}

/** Throws `invalid_request` if a parameter is repeated. */
export function readFields(pairs: Pairs): Fields {
  const { fields, repeated } = collect(pairs)
  if (repeated.length > 0) throw repetition(repeated)
  return fields
}

/** Throws `invalid_request`, with the name of the parameter, if it is missing. `name` must not come from the caller. */
export function required(fields: Fields, name: string): string {
  const value = fields.get(name)
  if (value === undefined)
    throw new OAuthError('invalid_request', `The parameter ${name} is missing.`)
  return value
}
