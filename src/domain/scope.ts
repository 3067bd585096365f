/** Scopes, `domain:action[:resource]`: their form, what they cover, and lists of them. */

const FORM = /^[a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*(:(\*|[A-Za-z0-9._~/-]+))?$/
const MAX_LENGTH = 256

export const isScope = (text: string) => text.length <= MAX_LENGTH && FORM.test(text)

/**
 * Does holding one scope allow what the other asks? `d:a:*` covers every resource and the generic `d:a`;
 * `d:a` does not cover `d:a:ID`: only the route that knows the resource can decide that.
 */
export const scopeCovers = (held: string, asked: string) =>
  held === asked || (held.endsWith(':*') && `${asked}:`.startsWith(held.slice(0, -1)))

/** Is the asked scope covered by any of those held? */
export const holdsScope = (held: readonly string[], asked: string) =>
  held.some((scope) => scopeCovers(scope, asked))

/** Does holding one permission allow another? */
type Covers = (held: string, asked: string) => boolean

/** Every permission that both sets allow, in its narrower form. Sorted, without duplicates. */
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

/** Space-separated, as on the wire. Sorted, so that equal sets are equal strings. */
export const formatScopes = (scopes: readonly string[]) => [...scopes].sort().join(' ')

/** The values of a `scope` parameter without duplicates. Does not check their form. */
export const splitScopes = (text: string) => [...new Set(text.split(' ').filter(Boolean))]
