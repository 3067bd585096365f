/** The address of the sign-in page, from which the user returns to a path of the registry. */

import { MAX_FORM_BYTES } from '../protocol/fields.ts'
import { ASKED_AT } from '../protocol/interaction.ts'

/** `URL` leaves these characters in a query, although RFC 3986 §3.4 does not allow them there. */
const NOT_IN_A_QUERY = /[{}|\\^`]/g

/** The size of the other fields of the sign-in form: a name, a password, a token. */
const OTHER_FIELDS_BYTES = 4096

/** Does the path fit into every form that carries it? */
export const fitsNextPage = (path: string, issuer: string) =>
  new URLSearchParams({ next_page: issuer + path }).toString().length <=
  MAX_FORM_BYTES - OTHER_FIELDS_BYTES

/** The path and query of a URL at the registry's own origin; `/` for any other URL, and for a path too long for a form. */
export function ownPath(nextPage: string | undefined, issuer: string): string {
  if (nextPage === undefined || !URL.canParse(nextPage, issuer)) return '/'
  const url = new URL(nextPage, issuer)
  // A `blob:` URL has the origin of the address that it contains, and this address as its path.
  if (url.origin !== issuer || !/^\/(?!\/)/.test(url.pathname)) return '/'
  const path = url.pathname + url.search.replace(NOT_IN_A_QUERY, encodeURIComponent)
  return fitsNextPage(path, issuer) ? path : '/'
}

/** A longer hint is neither a username nor an e-mail address. */
const MAX_HINT_LENGTH = 320

/** The `login_hint` of the authorization request at `path`; empty if there is none. */
export function loginHintIn(path: string, issuer: string): string {
  const hint = new URL(path, issuer).searchParams.get('login_hint') ?? ''
  return hint.length > MAX_HINT_LENGTH ? '' : hint
}

/**
 * The address at which a browser signs in before it returns to `path`. The registry's own page gets the path and query. An
 * accounts service gets the whole URL, the login hint, and `prompt=login` if only a new sign-in is accepted.
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
 * The path as the value of a parameter. A request that is escaped twice would be five times as long where it has no letters,
 * and nginx with its default settings (`proxy_buffer_size`) turns a redirect of more than 4 KiB into a 502.
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
