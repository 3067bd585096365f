/** Refusals and faults as problem details (RFC 9457). */

import type { Site } from '../http/frame.ts'
import type { HttpContext } from '../http/request-context.ts'
import { challenge } from '../protocol/bearer.ts'
import type { OAuthError } from '../protocol/errors.ts'
import { PROBLEM_MEDIA_TYPE, Problem, type ProblemType, problemBody } from '../protocol/problem.ts'
import type { RegistrationError, RegistrationErrorKind } from '../protocol/registration/errors.ts'

const TYPES: Readonly<Record<RegistrationErrorKind, ProblemType>> = {
  invalid: 'invalid_request',
  not_found: 'not_found',
  conflict: 'conflict',
  stale: 'stale',
  forbidden: 'forbidden',
  too_often: 'too_many_requests',
}

/** The forbidden act needs `registry:admin` (RFC 6750 §3.1). */
const NEEDS_ADMIN = {
  'WWW-Authenticate': challenge({ error: 'insufficient_scope', scope: 'registry:admin' }),
}

export const problemOf = ({ kind, message, field }: RegistrationError) =>
  new Problem(TYPES[kind], message, {
    field: kind === 'stale' ? 'If-Match' : field,
    ...(kind === 'forbidden' && { headers: NEEDS_ADMIN }),
  })

export function sendProblem(c: HttpContext, refusal: OAuthError, { issuer }: Site): Response {
  const correlationId = refusal.hasReference ? c.get('request').correlationId() : null
  return new Response(JSON.stringify(problemBody(refusal, issuer, correlationId)), {
    status: refusal.status,
    headers: { 'Content-Type': PROBLEM_MEDIA_TYPE },
  })
}
