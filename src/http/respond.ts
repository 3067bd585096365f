/** The one voice to the wire: turns refusals and faults into responses (RFC 6749 §5.2). */

import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { errorBody } from '../protocol/errors.ts'
import { explain } from './explain.ts'

/** §5.1: nothing that may hold a credential is kept by anyone on the way. */
export const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const

/** An answer with 200 to a program. The frame makes the response of it, with all that the endpoint's answers have. */
export class JsonAnswer {
  readonly body: object

  constructor(body: object) {
    this.body = body
  }
}

/** For endpoints that clients call. §5.2: a client that tried Basic is challenged with Basic. */
export function sendRefusal(c: Context, cause: unknown): Response {
  const { refusal, issuer, headers } = explain(c, cause)
  const triedHeader = c.req.header('Authorization') !== undefined
  const challenge =
    refusal.code === 'invalid_client' && triedHeader
      ? { 'WWW-Authenticate': 'Basic realm="registry", charset="UTF-8"' }
      : {}
  return c.json(errorBody(refusal, issuer), refusal.status as ContentfulStatusCode, {
    ...NO_STORE,
    ...headers,
    ...refusal.headers,
    ...challenge,
  })
}
