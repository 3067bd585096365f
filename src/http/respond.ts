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

/**
 * RFC 9110 §15.5.2: a 401 always names a way to authenticate. Basic is the one that RFC 6749 §2.3.1 asks of every
 * server, and the only one with a name of its own (§5.2).
 */
const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="registry", charset="UTF-8"' } as const
const UNAUTHORIZED = 401

/** For endpoints that clients call. */
export function sendRefusal(c: Context, cause: unknown): Response {
  const { refusal, issuer, headers } = explain(c, cause)
  return c.json(errorBody(refusal, issuer), refusal.status as ContentfulStatusCode, {
    ...NO_STORE,
    ...headers,
    ...refusal.headers,
    ...(refusal.status === UNAUTHORIZED && CHALLENGE),
  })
}
