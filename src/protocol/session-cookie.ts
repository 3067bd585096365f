/** The names of the registry's cookies, and how the cookie of a browser session is read. */

export const SESSION_COOKIE = 'registry_session'
/** The limit is much longer than the registry's tokens, because an external accounts service may have longer tokens. */
const MAX_VALUE_LENGTH = 512
/** RFC 6265 §4.1.1, cookie-octet. */
const VALUE = /^[!#-+\--:<-[\]-~]+$/

/** `__Host-` binds the cookie to one secure origin. Browsers refuse the prefix over http, also on a loopback address. */
export const hostCookieName = (name: string, issuer: string) =>
  issuer.startsWith('https://') ? `__Host-${name}` : name

export const sessionCookieName = (issuer: string) => hostCookieName(SESSION_COOKIE, issuer)

type CookieReading =
  | Readonly<{ kind: 'absent' }>
  | Readonly<{ kind: 'session'; token: string }>
  | Readonly<{ kind: 'malformed' }>

/**
 * Reads a `Cookie` header without decoding the value. An empty value counts as absent, because some servers sign a user out
 * by setting it. Two values count as malformed, because an attacker may have set one of them from another host of the domain.
 */
export function readSessionCookie(
  header: string | null | undefined,
  issuer: string,
): CookieReading {
  if (!header) return { kind: 'absent' }
  const start = `${sessionCookieName(issuer)}=`
  const values = header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(start) && pair.length > start.length)
    .map((pair) => pair.slice(start.length))
  const [token] = values
  if (token === undefined) return { kind: 'absent' }
  if (values.length > 1 || token.length > MAX_VALUE_LENGTH || !VALUE.test(token)) {
    return { kind: 'malformed' }
  }
  return { kind: 'session', token }
}
