/** May the browser be sent to this address? Exact matching (RFC 9700 §4.1.3), one exception. */

import { type Client, isPublic } from '../domain/client.ts'

declare const approved: unique symbol
/** An address that is the client's own. Only `approveRedirect` makes one, and nothing else is redirected to. */
export type ApprovedRedirect = string & { readonly [approved]: true }

/** RFC 8252 §7.3: a native app listens on whatever port the system gives it. An IP literal, not `localhost`. */
const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?((?:\/[^#]*)?)$/

const withoutPort = (uri: string) => {
  const [, origin, rest] = LOOPBACK.exec(uri) ?? []
  return origin === undefined ? null : `${origin}${rest}`
}

const matchesLoopback = (registered: string, asked: string) => {
  const bare = withoutPort(asked)
  return bare !== null && bare === withoutPort(registered)
}

/** `asked` undefined stands for the only registered URI, if there is exactly one. Null: not this client's. */
export function approveRedirect(
  client: Client,
  asked: string | undefined,
): ApprovedRedirect | null {
  const { redirectUris } = client
  const uri = asked ?? (redirectUris.length === 1 ? redirectUris[0] : undefined)
  if (uri === undefined || uri.includes('#')) return null
  const isOwn =
    redirectUris.includes(uri) ||
    (isPublic(client) && redirectUris.some((registered) => matchesLoopback(registered, uri)))
  return isOwn ? (uri as ApprovedRedirect) : null
}

/**
 * What a Content-Security-Policy must allow as the target of a form that leads to this address. A scheme and not
 * an origin: browsers hold the whole chain of redirects to it, also where the client sends its user on to, and
 * an IPv6 address is no source. `http:` covers https.
 */
export const cspSourceOf = (redirect: ApprovedRedirect): string => new URL(redirect).protocol

/** The address for people: `client.example`, `127.0.0.1:5000`, `com.example.app:`. */
export function displayHostOf(redirect: ApprovedRedirect): string {
  const { host, protocol } = new URL(redirect)
  return host === '' || !protocol.startsWith('http') ? protocol : host
}
