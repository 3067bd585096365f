/** Problem details (RFC 9457): the errors of the management API. */

import { type ErrorCode, OAuthError } from './errors.ts'

/** The problem types, each with its status and title. `/docs` explains them. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  authentication_required: { status: 401, title: 'An access token is required' },
  invalid_token: { status: 401, title: 'The access token is not valid' },
  invalid_dpop_proof: { status: 401, title: 'The DPoP proof is not valid' },
  insufficient_scope: { status: 403, title: 'The access token does not have the scope' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  not_found: { status: 404, title: 'There is no such record' },
  no_such_path: { status: 404, title: 'There is nothing at this path' },
  method_not_allowed: { status: 405, title: 'The path does not have this method' },
  timeout: { status: 408, title: 'The body did not arrive in time' },
  conflict: { status: 409, title: 'The record exists with other content' },
  stale: { status: 412, title: 'The record has changed since it was read' },
  too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body is not JSON' },
  precondition_required: { status: 428, title: 'If-Match is required' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  unavailable: { status: 503, title: 'The service cannot answer now' },
} as const
export type ProblemType = keyof typeof PROBLEMS

export const PROBLEM_TYPES = Object.keys(PROBLEMS) as readonly ProblemType[]
export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

const codeOf = (status: number): ErrorCode => {
  if (status === 503 || status === 429) return 'temporarily_unavailable'
  return status === 403 ? 'access_denied' : 'invalid_request'
}

type Options = Readonly<{
  field?: string | null
  /** For the operator's log. Never a secret. */
  detail?: string
  headers?: Readonly<Record<string, string>>
}>

/** A refusal with a type of its own. `sentence` is for the caller. */
export class Problem extends OAuthError {
  readonly type: ProblemType
  readonly field: string | null

  constructor(type: ProblemType, sentence: string, { field = null, ...options }: Options = {}) {
    const { status } = PROBLEMS[type]
    super(codeOf(status), sentence, { ...options, status })
    this.name = 'Problem'
    this.type = type
    this.field = field
  }

  override get reason() {
    return this.type
  }

  /** A caller with a token who asked for a record that does not exist may want to know the reason. */
  override get hasReference() {
    return this.type !== 'no_such_path'
  }
}

/** The problem type of a refusal that the shared frame made. */
const typeOf = (status: number): ProblemType =>
  PROBLEM_TYPES.find((type) => PROBLEMS[type].status === status && type !== 'not_found') ??
  'invalid_request'

/** `correlationId` is null if nothing was recorded. */
export function problemBody(refusal: OAuthError, issuer: string, correlationId: string | null) {
  const isProblem = refusal instanceof Problem
  const type = isProblem ? refusal.type : typeOf(refusal.status)
  const field = isProblem ? refusal.field : null
  return {
    type: `${issuer}/docs#${type}`,
    title: PROBLEMS[type].title,
    status: refusal.status,
    detail: refusal.description,
    ...(correlationId !== null && { correlation_id: correlationId }),
    ...(field !== null && { field }),
  }
}
