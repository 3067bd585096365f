/** An error response to a client: RFC 6749 §5.2. */

import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { errorBody, type OAuthError } from '../protocol/errors.ts'
import type { Site } from './frame.ts'
import type { HttpContext } from './request-context.ts'

/**
 * RFC 9110 §15.5.2: a 401 always names a way to authenticate. Basic is the one that RFC 6749 §2.3.1 asks of every
 * server, and the only one with a name of its own (§5.2).
 */
const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="registry", charset="UTF-8"' }
const UNAUTHORIZED = 401

export const sendErrorJson = (c: HttpContext, refusal: OAuthError, { issuer }: Site): Response =>
  c.json(
    errorBody(refusal, issuer),
    refusal.status as ContentfulStatusCode,
    refusal.status === UNAUTHORIZED ? CHALLENGE : {},
  )
