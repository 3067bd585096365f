/** The frame of every request: makes the context, turns errors into responses, sets headers and reports the request. */

import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Branding } from '../domain/branding.ts'
import { errorBody, OAuthError } from '../protocol/errors.ts'
import { openToAnyOrigin } from './any-origin.ts'
import { log, nameOf } from './log.ts'
import { type ReportDeps, report } from './report.ts'
import { type HttpContext, newRequestContext } from './request-context.ts'

/** What an error response says about the registry. */
export type Site = Readonly<{ issuer: string; branding: Branding }>
export type FrameDeps = ReportDeps & Site

/** The properties of an endpoint that the frame needs. */
export type FrameRules = Readonly<{
  /** Sends a page to people. Without this function JSON is sent. */
  sendError?: (c: HttpContext, refusal: OAuthError, site: Site) => Response | Promise<Response>
  /** May scripts of any origin call it? For endpoints that browsers need without a cookie of the registry. */
  allowsAnyOrigin?: boolean
  /** True if successful requests are not reported. */
  isRoutine?: boolean
}>

/** A plain object is sent as the JSON body of a 200 response. */
export type Handled = Response | Readonly<Record<string, unknown>>

const RETRY_AFTER_SECONDS = 1

/** The refusal for a fault, which tells the caller nothing about the fault. */
const unavailable = (fault: unknown) =>
  new OAuthError('temporarily_unavailable', 'The service cannot answer now. Try again shortly.', {
    detail: nameOf(fault),
    headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) },
  })

/** RFC 9110 §15.5.2: a 401 MUST name a way to authenticate. RFC 6749 §2.3.1 demands Basic, the only one with a scheme. */
const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="registry", charset="UTF-8"' }
const UNAUTHORIZED = 401

/** An error response to a client: RFC 6749 §5.2. */
export const sendErrorJson = (c: HttpContext, refusal: OAuthError, { issuer }: Site): Response =>
  c.json(
    errorBody(refusal, issuer),
    refusal.status as ContentfulStatusCode,
    refusal.status === UNAUTHORIZED ? CHALLENGE : {},
  )

/** Makes one handler for Hono. A thrown `OAuthError` is a refusal; any other thrown value is a fault. */
export function frame(
  rules: FrameRules,
  deps: FrameDeps,
  handle: (c: HttpContext) => Handled | Promise<Handled>,
) {
  const { issuer } = deps
  const { sendError = sendErrorJson } = rules
  const isSecure = issuer.startsWith('https://')
  const setHeaders = (headers: Headers) => {
    headers.set('X-Content-Type-Options', 'nosniff')
    headers.set('Referrer-Policy', 'no-referrer')
    // RFC 6749 §5.1. The header is set on a redirect too: its address may contain a code (RFC 9700 §4.2.4), and it may set a
    // cookie.
    if (!headers.has('Cache-Control')) {
      headers.set('Cache-Control', 'no-store')
      headers.set('Pragma', 'no-cache')
    }
    if (isSecure) headers.set('Strict-Transport-Security', 'max-age=31536000')
    if (rules.allowsAnyOrigin) openToAnyOrigin(headers)
    return headers
  }
  // The headers are made once, because setting headers takes longer than the rest of a response.
  const jsonHeaders = setHeaders(new Headers({ 'Content-Type': 'application/json' }))

  async function respond(c: HttpContext): Promise<Response> {
    let handled: Handled
    try {
      handled = await handle(c)
    } catch (cause) {
      const refusal = cause instanceof OAuthError ? cause : unavailable(cause)
      c.set('refusal', refusal)
      handled = await sendError(c, refusal, deps)
    }
    if (!(handled instanceof Response)) {
      return new Response(JSON.stringify(handled), { headers: jsonHeaders })
    }
    setHeaders(handled.headers)
    return handled
  }

  function setRefusalHeaders(c: HttpContext, headers: Headers, refusal: OAuthError) {
    if (refusal.hasReference) headers.set('X-Correlation-Id', c.get('request').correlationId())
    for (const [name, value] of Object.entries(refusal.headers)) headers.set(name, value)
  }

  return async (c: HttpContext): Promise<Response> => {
    const startedAtMs = Date.now()
    c.set('request', newRequestContext(c, startedAtMs))
    const response = await respond(c)
    const refusal = c.get('refusal')
    if (refusal) setRefusalHeaders(c, response.headers, refusal)
    const { status } = response
    if (refusal || !rules.isRoutine) report(c, { status, startedAtMs }, deps)
    return response
  }
}

/** The response of a Worker with a wrong setting or a missing binding. The log names the setting or binding. */
export function misconfigured(fault: unknown): Response {
  log('misconfigured', { fault })
  return Response.json(
    { error: 'temporarily_unavailable', error_description: 'The service is not set up.' },
    { status: 503, headers: { 'Retry-After': '60', 'Cache-Control': 'no-store' } },
  )
}
