/** The response to a refusal or a fault: problem details (RFC 9457). */

import type { Site } from '../http/frame.ts'
import type { HttpContext } from '../http/request-context.ts'
import type { OAuthError } from '../protocol/errors.ts'
import { PROBLEM_MEDIA_TYPE, problemBody } from '../protocol/problem.ts'

export function sendProblem(c: HttpContext, refusal: OAuthError, { issuer }: Site): Response {
  const correlationId = refusal.hasReference ? c.get('request').correlationId() : null
  return new Response(JSON.stringify(problemBody(refusal, issuer, correlationId)), {
    status: refusal.status,
    headers: { 'Content-Type': PROBLEM_MEDIA_TYPE },
  })
}
