/** The way to the sign-in page, and from there back to a path of our own. */

import { MAX_FORM_BYTES } from '../protocol/fields.ts'
import { ASKED_AT } from '../protocol/interaction.ts'

/** `URL` leaves these in a query, though RFC 3986 §3.4 does not allow them there. */
const NOT_IN_A_QUERY = /[{}|\\^`]/g

/** The size of the other fields of the sign-in form: a name, a password, a token. */
const OTHER_FIELDS_BYTES = 4096

/** Can every form that carries this path on be sent back to us? */
export const fitsNextPage = (path: string, issuer: string) =>
  new URLSearchParams({ next_page: issuer + path }).toString().length <=
  MAX_FORM_BYTES - OTHER_FIELDS_BYTES

/**
 * The path and query of a URL at our own origin, absolute or relative; `/` for everything else, and for a path that
 * is too long for a form of ours.
 */
export function ownPath(nextPage: string | undefined, issuer: string): string {
  if (nextPage === undefined || !URL.canParse(nextPage, issuer)) return '/'
  const url = new URL(nextPage, issuer)
  // A `blob:` URL has the origin of the address within it, and that as its path.
  if (url.origin !== issuer || !/^\/(?!\/)/.test(url.pathname)) return '/'
  const path = url.pathname + url.search.replace(NOT_IN_A_QUERY, encodeURIComponent)
  return fitsNextPage(path, issuer) ? path : '/'
}

/** A longer one is no name and no address of a user. */
const MAX_HINT_LENGTH = 320

/** `login_hint` of the authorization request at `path`; empty without one. */
export function loginHintIn(path: string, issuer: string): string {
  const hint = new URL(path, issuer).searchParams.get('login_hint') ?? ''
  return hint.length > MAX_HINT_LENGTH ? '' : hint
}

/**
 * Where a browser signs in before it comes back to `path`. Our own page gets the path and query. An accounts service gets
 * the whole URL, the login hint, and `prompt=login` when only a new sign-in counts.
 */
export function loginAddress(path: string, issuer: string, loginUrl: string | null): string {
  if (loginUrl === null) return `/login?next_page=${escapedOnce(path, issuer)}`
  const query = new URLSearchParams({ next_page: `${issuer}${path}` })
  const hint = loginHintIn(path, issuer)
  if (hint !== '') query.set('login_hint', hint)
  if (new URL(path, issuer).searchParams.has(ASKED_AT)) query.set('prompt', 'login')
  return `${loginUrl}${loginUrl.includes('?') ? '&' : '?'}${query}`
}

/** Characters that end or change a value in an unescaped query: only these must be escaped twice. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: `URL` drops some of them
const AMBIGUOUS = /[%&+#\u0000-\u001f\u007f]/g

const inQuery = (text: string) => text.replace(AMBIGUOUS, encodeURIComponent).replaceAll(' ', '+')

/**
 * The path as the value of a parameter. A request escaped within a request would be five times as long where it is
 * not letters, and a redirect of more than 4 KiB is 502 behind nginx as it is shipped (`proxy_buffer_size`).
 */
function escapedOnce(path: string, issuer: string): string {
  const { pathname, searchParams } = new URL(path, issuer)
  const query = [...searchParams]
    .map(([name, value]) => `${inQuery(name).replaceAll('=', '%3D')}=${inQuery(value)}`)
    .join('&')
  return encodeURIComponent(query === '' ? pathname : `${pathname}?${query}`).replace(
    /%(?:2F|3A|3D|3F)/g,
    decodeURIComponent,
  )
}
