/** The proxy in front: whether the caller sends the proxy's secret, and which request the proxy received. */

import { equalInConstantTime } from '../crypto/digest.ts'
import type { Refusal } from '../protocol/bearer.ts'

const SECRET_HEADER = 'X-Proxy-Secret'

/** `absent`: the caller may be anyone. `wrong`: also a secret that is sent although none is set here. */
type ProxySecret = 'shown' | 'absent' | 'wrong'

/** A repeated header arrives as one value with a space, and no secret contains a space. */
export function readProxySecret(headers: Headers, secrets: readonly string[]): ProxySecret {
  const given = headers.get(SECRET_HEADER)
  if (given === null) return 'absent'
  const matches = secrets.filter((secret) => equalInConstantTime(given, secret))
  return matches.length > 0 ? 'shown' : 'wrong'
}

/**
 * The refusal is a 403 without a challenge, because another token would not help. The example configurations of proxies
 * recognize it by the missing `WWW-Authenticate` and respond with 503.
 */
export const NOT_A_PROXY: Refusal = {
  status: 403,
  error: 'access_denied',
  reason: `A request over HTTP needs the proxy's secret in the header ${SECRET_HEADER}.`,
  wwwAuthenticate: null,
}

/** The request that a DPoP proof must name. */
export type OriginalRequest = Readonly<{ method: string; url: string }>

const METHOD = /^[A-Za-z][A-Za-z-]*$/
/** A host with or without a port; an IPv6 address is in brackets. */
const HOST = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/
const PATH_AND_QUERY = /^\/\S*$/
const ABSOLUTE = /^https?:\/\/[^\s/?#@]+(?:[/?]\S*)?$/i

/** Reads `X-Original-Method` and `X-Original-URL`, which nginx is configured to send. */
function originalFamily(headers: Headers): OriginalRequest | null | 'malformed' {
  const method = headers.get('X-Original-Method')
  const url = headers.get('X-Original-URL')
  if (method === null && url === null) return null
  if (!METHOD.test(method ?? '') || !ABSOLUTE.test(url ?? '')) return 'malformed'
  return { method: method as string, url: url as string }
}

/** Caddy and Traefik send these four headers. Many proxies send only `-Proto` and `-Host`, which do not name a request. */
function forwardedFamily(headers: Headers): OriginalRequest | null | 'malformed' {
  const method = headers.get('X-Forwarded-Method')
  const uri = headers.get('X-Forwarded-Uri')
  if (method === null && uri === null) return null
  const proto = headers.get('X-Forwarded-Proto') ?? ''
  const host = headers.get('X-Forwarded-Host') ?? ''
  const isWhole =
    METHOD.test(method ?? '') &&
    PATH_AND_QUERY.test(uri ?? '') &&
    /^https?$/i.test(proto) &&
    HOST.test(host)
  return isWhole ? { method: method as string, url: `${proto}://${host}${uri}` } : 'malformed'
}

/**
 * The request that the proxy received; null if the headers name no request. Returns a string that says what is wrong: an
 * incomplete family, a repeated header (which arrives as one value with a comma and a space), or two families that differ.
 */
export function readOriginalRequest(headers: Headers): OriginalRequest | null | string {
  const original = originalFamily(headers)
  const forwarded = forwardedFamily(headers)
  if (original === 'malformed')
    return 'X-Original-Method and X-Original-URL must both be sent, once.'
  if (forwarded === 'malformed') {
    return 'X-Forwarded-Method, -Proto, -Host and -Uri must all be sent, once.'
  }
  if (original && forwarded && !isSame(original, forwarded)) {
    return 'X-Original-URL, -Method and X-Forwarded-Method, -Proto, -Host, -Uri name different requests.'
  }
  return original ?? forwarded
}

const isSame = (left: OriginalRequest, right: OriginalRequest) =>
  left.method === right.method &&
  URL.canParse(left.url) &&
  URL.canParse(right.url) &&
  new URL(left.url).href === new URL(right.url).href
