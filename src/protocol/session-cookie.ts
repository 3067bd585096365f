/** The cookie that carries a browser session: its name, and how it is read. */

const NAME = 'registry_session'
/** Far over any token of ours; an external accounts service may have longer ones. */
const MAX_VALUE_LENGTH = 512
/** RFC 6265 §4.1.1, cookie-octet. */
const VALUE = /^[!#-+\--:<-[\]-~]+$/

/** `__Host-` binds the cookie to one secure origin; a browser refuses it over http, also on loopback. */
export const sessionCookieName = (issuer: string) =>
  issuer.startsWith('https://') ? `__Host-${NAME}` : NAME

export type CookieReading =
  | Readonly<{ kind: 'absent' }>
  | Readonly<{ kind: 'session'; token: string }>
  | Readonly<{ kind: 'malformed' }>

/**
 * From a `Cookie` header. The value is taken as sent, without decoding. An empty value is absent: some
 * servers sign out so. Two values are malformed: one of them may have been planted from a neighbouring host.
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
