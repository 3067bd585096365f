/** The request context: the frame makes one for each request, and Hono carries it as `c.get('request')`. */

import type { Context } from 'hono'
import { newCorrelationId } from '../crypto/random.ts'
import type { RequestContext } from '../flows/deps.ts'
import { claimedClientId } from '../protocol/client-authentication.ts'
import type { OAuthError } from '../protocol/errors.ts'
import { firstFields, formPairs, type Pairs } from '../protocol/fields.ts'
import { sanitized } from '../protocol/sanitize.ts'
import { log } from './log.ts'

export type RequestEnv = {
  Variables: {
    request: RequestContext
    /** The form, once it was read. */
    form?: Pairs
    /** The refusal in the response. A handler that sends a page of its own for a refusal sets it. */
    refusal?: OAuthError
    /** The client of the access token. Null before the token was checked; undefined if a request names its client itself. */
    callerId?: string | null
  }
}

export type HttpContext = Context<RequestEnv>

/** The limit is long because the id of a client with a metadata document is the document's address. */
const MAX_CLIENT_ID_LENGTH = 500

const moment = (nowMs: number) => ({ now: Math.floor(nowMs / 1000), nowMs })

export function newRequestContext(c: HttpContext, nowMs: number): RequestContext {
  let id: string | undefined
  // The id is made when it is first needed, because it takes a quarter of a token's CPU time.
  const correlationId = () => {
    id ??= newCorrelationId()
    return id
  }
  const logWithId: RequestContext['log'] = (event, line) =>
    log(event, { correlationId: correlationId(), ...line })
  return {
    correlationId,
    ...moment(nowMs),
    // Only Cloudflare can set this header. The address is empty if Cloudflare is not in front.
    ipAddress: c.req.header('CF-Connecting-IP') ?? '',
    log: logWithId,
    defer: (work) =>
      c.executionCtx.waitUntil(
        work.catch((fault: unknown) => logWithId('deferred_work_failed', { fault })),
      ),
  }
}

/** Renews the request's clock: a body may take seconds to arrive, and what expires meanwhile must count as expired. */
export function noteForm(c: HttpContext, form: Pairs) {
  c.set('form', form)
  c.set('request', { ...c.get('request'), ...moment(Date.now()) })
}

/** The client that the request names, for the log. It is not verified, except at endpoints that require an access token. */
export function claimedClientOf(c: HttpContext): string | null {
  const callerId = c.get('callerId')
  if (callerId !== undefined) return callerId
  const { url } = c.req
  // `URL` is not used, because it throws for a malformed Host header.
  const sent =
    c.get('form') ?? (url.includes('?') ? formPairs(url.slice(url.indexOf('?') + 1)) : [])
  const claimed = claimedClientId(firstFields(sent), c.req.header('Authorization'))
  return claimed === null ? null : sanitized(claimed, MAX_CLIENT_ID_LENGTH)
}
