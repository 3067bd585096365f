/** The one voice to the wire: turns refusals and faults into responses (RFC 6749 §5.2). */

import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { errorBody, OAuthError } from '../protocol/errors.ts'
import { log, nameOf } from './log.ts'

const RETRY_AFTER_SECONDS = 1

/** §5.1: nothing that may hold a credential is kept by anyone on the way. */
export const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const

export const sendJson = (c: Context, body: object, status: ContentfulStatusCode = 200) =>
  c.json(body, status, NO_STORE)

/** Everything that is not a refusal is a fault: logged, and told as no more than "not now". */
export function refusalOf(c: Context, cause: unknown): OAuthError {
  if (cause instanceof OAuthError) {
    const { code, detail } = cause
    log('refused', { method: c.req.method, path: c.req.path, error: code, detail })
    return cause
  }
  log('fault', { method: c.req.method, path: c.req.path, fault: nameOf(cause) })
  return new OAuthError(
    'temporarily_unavailable',
    'The service cannot answer now. Try again shortly.',
    {
      headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) },
    },
  )
}

/** For endpoints that clients call. §5.2: a client that tried Basic is challenged with Basic. */
export function sendRefusal(c: Context, cause: unknown): Response {
  const refusal = refusalOf(c, cause)
  const triedHeader = c.req.header('Authorization') !== undefined
  const challenge =
    refusal.code === 'invalid_client' && triedHeader
      ? { 'WWW-Authenticate': 'Basic realm="registry", charset="UTF-8"' }
      : {}
  return c.json(errorBody(refusal), refusal.status as ContentfulStatusCode, {
    ...NO_STORE,
    ...refusal.headers,
    ...challenge,
  })
}
