/** What the flows of `flows/registration` refuse, as problem details. */

import { challenge } from '../protocol/bearer.ts'
import { Problem, type ProblemType } from '../protocol/problem.ts'
import type { RegistrationError, RegistrationErrorKind } from '../protocol/registration/errors.ts'

const TYPES: Readonly<Record<RegistrationErrorKind, ProblemType>> = {
  invalid: 'invalid_request',
  not_found: 'not_found',
  conflict: 'conflict',
  stale: 'stale',
  forbidden: 'forbidden',
}

/** Only `registry:admin` allows what is forbidden (RFC 6750 §3.1). */
const NEEDS_ADMIN = {
  'WWW-Authenticate': challenge({ error: 'insufficient_scope', scope: 'registry:admin' }),
}

export const problemOf = ({ kind, message, field }: RegistrationError) =>
  new Problem(TYPES[kind], message, {
    field: kind === 'stale' ? 'If-Match' : field,
    ...(kind === 'forbidden' && { headers: NEEDS_ADMIN }),
  })
