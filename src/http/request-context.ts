/** The request context: made by the frame for each request, carried by Hono as `c.get('request')`. */

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
    /** Once it was read. */
    form?: Pairs
    /** The refusal in the response. A handler that sends its own page for a refusal sets it. */
    refusal?: OAuthError
    /** The client of the access token. Null before it was checked; undefined where a request names its client itself. */
    callerId?: string | null
  }
}

export type HttpContext = Context<RequestEnv>

/** The id of a client with a metadata document is the address of the document. */
const MAX_CLIENT_ID_LENGTH = 500

const moment = (nowMs: number) => ({ now: Math.floor(nowMs / 1000), nowMs })

export function newRequestContext(c: HttpContext, nowMs: number): RequestContext {
  let id: string | undefined
  // Made when it is first needed: it costs a quarter of a token's CPU.
  const correlationId = () => {
    id ??= newCorrelationId()
    return id
  }
  const logWithId: RequestContext['log'] = (event, line) =>
    log(event, { correlationId: correlationId(), ...line })
  return {
    correlationId,
    ...moment(nowMs),
    // Only Cloudflare can set this header. Empty where there is no Cloudflare in front.
    ipAddress: c.req.header('CF-Connecting-IP') ?? '',
    log: logWithId,
    defer: (work) =>
      c.executionCtx.waitUntil(
        work.catch((fault: unknown) => logWithId('deferred_work_failed', { fault })),
      ),
  }
}

/** A body may take seconds to arrive. Nothing may expire unseen meanwhile. */
export function noteForm(c: HttpContext, form: Pairs) {
  c.set('form', form)
  c.set('request', { ...c.get('request'), ...moment(Date.now()) })
}

/** The client that the request names, for the log. It is not verified, except at endpoints that take an access token. */
export function claimedClientOf(c: HttpContext): string | null {
  const callerId = c.get('callerId')
  if (callerId !== undefined) return callerId
  const { url } = c.req
  // Not with `URL`, which throws for a malformed Host header.
  const sent =
    c.get('form') ?? (url.includes('?') ? formPairs(url.slice(url.indexOf('?') + 1)) : [])
  const claimed = claimedClientId(firstFields(sent), c.req.header('Authorization'))
  return claimed === null ? null : sanitized(claimed, MAX_CLIENT_ID_LENGTH)
}
