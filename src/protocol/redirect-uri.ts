/**
 * May the browser be redirected to this URI? The match is exact (RFC 9700 §4.1.3), with one exception. Also adds the
 * authorization response to the URI (RFC 6749 §4.1.2, RFC 9207).
 */

import { type Client, isPublic } from '../domain/client.ts'
import type { ApprovedRedirectUri, RegisteredRedirectUri } from '../domain/ids.ts'
import { schemeWithoutDot } from '../domain/registration.ts'
import { errorUri, type OAuthError } from './errors.ts'

/**
 * The exception: RFC 8252 §7.3 says that any port MUST be allowed for a loopback IP literal. `localhost` is treated in the
 * same way although §8.3 advises against it, because clients that register it also use any port. It matches only if it is
 * registered.
 */
const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost))(?::\d{1,5})?((?:\/[^#]*)?)$/

/** Null if the URI is not a loopback address, or if its port is not a port number. */
const withoutPort = (uri: string) => {
  const [, origin, rest] = (URL.canParse(uri) && LOOPBACK.exec(uri)) || []
  return origin === undefined ? null : `${origin}${rest}`
}

const matchesLoopback = (registered: string, asked: string) => {
  const bare = withoutPort(asked)
  return bare !== null && bare === withoutPort(registered)
}

/** The registered URI that matches; undefined if none does. */
export const registeredRedirect = (
  client: Client,
  uri: string,
): RegisteredRedirectUri | undefined =>
  client.redirectUris.find((registered) => registered === uri) ??
  (isPublic(client)
    ? client.redirectUris.find((registered) => matchesLoopback(registered, uri))
    : undefined)

/** The scheme of a registered URI that the operator has not allowed (`PRIVATE_USE_SCHEMES`); otherwise null. */
export function schemeNotAllowed(
  client: Client,
  asked: string | undefined,
  allowed: readonly string[],
): string | null {
  const uri = client.redirectUris.find((registered) => registered === asked)
  const scheme = uri === undefined ? null : schemeWithoutDot(uri)
  return scheme === null || allowed.includes(scheme) ? null : scheme
}

/**
 * If `asked` is undefined, it means the only registered URI. Null if the URI is not the client's, or if its scheme has no dot
 * and is not `allowed`.
 */
export function approveRedirect(
  client: Client,
  asked: string | undefined,
  allowed: readonly string[],
): ApprovedRedirectUri | null {
  const { redirectUris } = client
  const uri = asked ?? (redirectUris.length === 1 ? redirectUris[0] : undefined)
  if (uri === undefined || uri.includes('#')) return null
  const isApproved =
    registeredRedirect(client, uri) !== undefined && schemeNotAllowed(client, uri, allowed) === null
  return isApproved ? (uri as ApprovedRedirectUri) : null
}

/** The position of the first character, counted from 1, at which `one` differs from `other`. */
export function firstDifference(one: string, other: string): number {
  let at = 0
  while (at < one.length && one[at] === other[at]) at += 1
  return at + 1
}

/** For the operator: the position of the first character, counted from 1, at which `asked` differs from `expected`. */
export const redirectDifference = (asked: string | undefined, expected: string): string =>
  asked === undefined
    ? 'redirect_uri is missing'
    : `redirect_uri differs at character ${firstDifference(asked, expected)}`

/** Does the detail say that the redirect was refused, in the words of `whyNotApproved` or of a scheme that is not allowed? */
export const isRedirectRefusal = (detail: string) =>
  /^(?:(?:no )?redirect_uri|the scheme) /.test(detail)

/** For the operator: why `approveRedirect` returned null. */
export function whyNotApproved({ redirectUris }: Client, asked: string | undefined): string {
  if (redirectUris.length === 0) return 'no redirect_uri is registered'
  if (asked === undefined)
    return `redirect_uri is missing, and ${redirectUris.length} are registered`
  if (asked.includes('#')) return 'redirect_uri has a fragment'
  const furthest = Math.max(...redirectUris.map((registered) => firstDifference(asked, registered)))
  return `redirect_uri differs from the nearest registered one at character ${furthest}`
}

/** A site, a program on this computer, or an app by its private-use scheme (RFC 8252 §7). */
export function redirectKindOf(redirect: ApprovedRedirectUri): 'site' | 'program' | 'app' {
  const { hostname, protocol } = new URL(redirect)
  if (!protocol.startsWith('http')) return 'app'
  return /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(hostname) ? 'program' : 'site'
}

/** The URI's host for people: `client.example`, `127.0.0.1:5000`, `com.example.app:`. */
export function displayHostOf(redirect: ApprovedRedirectUri): string {
  const { host, protocol } = new URL(redirect)
  return host === '' || !protocol.startsWith('http') ? protocol : host
}

type Common = Readonly<{ state: string | undefined; issuer: string }>

/** §3.1.2: the redirect URI's own query MUST be retained. */
function withQuery(
  redirect: ApprovedRedirectUri,
  response: Record<string, string>,
  common: Common,
) {
  const query = new URLSearchParams(response)
  if (common.state !== undefined) query.set('state', common.state)
  query.set('iss', common.issuer)
  return `${redirect}${redirect.includes('?') ? '&' : '?'}${query}`
}

export const codeResponse = (redirect: ApprovedRedirectUri, code: string, common: Common) =>
  withQuery(redirect, { code }, common)

export const errorResponse = (redirect: ApprovedRedirectUri, error: OAuthError, common: Common) =>
  withQuery(
    redirect,
    {
      error: error.code,
      error_description: error.description,
      error_uri: errorUri(error.code, common.issuer),
    },
    common,
  )
