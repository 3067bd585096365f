/** Scopes: their form, what they cover, and lists of them. */

/** A `scope-token` of RFC 6749 §3.3. */
const TOKEN = /^[!#-[\]-~]+$/
export const MAX_SCOPE_LENGTH = 256
/** The end of a sentence about a malformed scope. It has none of the characters that `error_description` must not have. */
export const SCOPE_RULE =
  'must have 1 to 256 printable ASCII characters, without spaces, quotation marks and backslashes'

/** Asks for a refresh token (OpenID Connect Core 1.0 §11). The scope is never granted, held or part of a session. */
export const OFFLINE_ACCESS = 'offline_access'

/** `domain:action[:resource]` is the only form with a hierarchy. A scope of another form covers itself and nothing else. */
const HIERARCHICAL = /^([a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*)(?::(\*|[A-Za-z0-9._~/-]+))?$/

export const isScope = (text: string) => text.length <= MAX_SCOPE_LENGTH && TOKEN.test(text)

type Hierarchical = Readonly<{
  /** `domain:action`. */
  general: string
  /** `*` for every resource; null if there is no resource. */
  resource: string | null
}>

/** Null for a scope of another form. */
export function readHierarchy(scope: string): Hierarchical | null {
  const [, general, resource = null] = HIERARCHICAL.exec(scope) ?? []
  return general === undefined ? null : { general, resource }
}

/** `domain:action:ID`; null if the scope is not `domain:action`, or the id is malformed. */
export function scopeForResource(scope: string, resource: string): string | null {
  const named = `${scope}:${resource}`
  const parts = readHierarchy(named)
  const isRight = parts?.general === scope && parts.resource !== '*' && isScope(named)
  return isRight ? named : null
}

/**
 * Does a held scope allow what the requested scope asks for? `d:a:*` covers every resource and the generic `d:a`; `d:a` does
 * not cover `d:a:ID`: only the route that knows the resource can decide that. The rule in SQL is in `stores/covering-sql.ts`.
 */
export const scopeCovers = (held: string, asked: string) =>
  held === asked ||
  (held.endsWith(':*') &&
    `${asked}:`.startsWith(held.slice(0, -1)) &&
    HIERARCHICAL.test(held) &&
    HIERARCHICAL.test(asked))

export const holdsScope = (held: readonly string[], asked: string) =>
  held.some((scope) => scopeCovers(scope, asked))

type Covers = (held: string, asked: string) => boolean

/** Every permission that both sets allow, in its narrower form. The result is sorted and has no duplicates. */
export function meet(left: readonly string[], right: readonly string[], covers: Covers): string[] {
  const common = new Set<string>()
  for (const a of left) {
    for (const b of right) {
      if (covers(a, b)) common.add(b)
      else if (covers(b, a)) common.add(a)
    }
  }
  return [...common].sort()
}

export const meetScopes = (left: readonly string[], right: readonly string[]) =>
  meet(left, right, scopeCovers)

export const scopesOverlap = (left: readonly string[], right: readonly string[]) =>
  left.some((a) => right.some((b) => scopeCovers(a, b) || scopeCovers(b, a)))

/** Space-separated, as in a request. Sorted, so that equal sets are equal strings. */
export const formatScopes = (scopes: readonly string[]) => [...scopes].sort().join(' ')

/** The values of a `scope` parameter without duplicates. Does not check their form. */
export const splitScopes = (text: string) => [...new Set(text.split(' ').filter(Boolean))]
