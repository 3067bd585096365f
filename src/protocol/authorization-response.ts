/** The authorization response (RFC 6749 §4.1.2, RFC 9207): parameters added to the client's redirect URI. */

import type { ApprovedRedirectUri } from '../domain/ids.ts'
import { errorUri, type OAuthError } from './errors.ts'

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
