/** Refusals at `/register`: the error response of RFC 7591 §3.2.2, and of RFC 6750 for access tokens. */

import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Site } from '../http/frame.ts'
import type { HttpContext } from '../http/request-context.ts'
import { challenge } from '../protocol/bearer.ts'
import { errorBody, OAuthError } from '../protocol/errors.ts'
import { Problem, type ProblemType } from '../protocol/problem.ts'
import { metadataErrorCode } from '../protocol/registration/client-metadata.ts'
import type { RegistrationError } from '../protocol/registration/errors.ts'

const MAX_DESCRIPTION_LENGTH = 400
/** Characters that `error_description` must not have (RFC 6749 §5.2). The description may quote a value of the caller. */
const UNQUOTABLE = /[^ !#-[\]-~]/g

const sentenceOf = (message: string) =>
  `${message.replaceAll('"', "'").replaceAll(UNQUOTABLE, '?').slice(0, MAX_DESCRIPTION_LENGTH)}.`

/** RFC 7591 §3.2.2. The description names the member. */
export function metadataError(message: string, field: string | null) {
  const isNamed = field === null || message.includes(field)
  return new OAuthError(
    metadataErrorCode(field),
    sentenceOf(isNamed ? message : `${field}: ${message}`),
  )
}

const RETRY_AFTER_SECONDS = 1
const RETRY_TOO_OFTEN_SECONDS = 3600

/** RFC 7592 §2: the refusal is the same for a client that does not exist and for the token of another client. */
export function badRegistrationToken(detail: string) {
  const description = 'The registration access token is not valid for this client.'
  const header = challenge({ error: 'invalid_token', error_description: description })
  return new Problem('invalid_token', description, {
    headers: { 'WWW-Authenticate': header },
    detail,
  })
}

export function refusalOf({ kind, field, message }: RegistrationError): OAuthError {
  switch (kind) {
    case 'not_found':
      return badRegistrationToken('the client was deleted meanwhile')
    case 'forbidden':
      return new OAuthError('access_denied', sentenceOf(message))
    case 'stale':
      return new OAuthError('temporarily_unavailable', sentenceOf(message), {
        headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) },
      })
    case 'too_often':
      return new OAuthError('temporarily_unavailable', sentenceOf(message), {
        status: 429,
        headers: { 'Retry-After': String(RETRY_TOO_OFTEN_SECONDS) },
      })
    default:
      return metadataError(message, field)
  }
}

/** The codes of RFC 6750 §3.1 and RFC 9449 §7.1. */
const TOKEN_ERRORS: Partial<Record<ProblemType, string>> = {
  authentication_required: 'invalid_token',
  invalid_token: 'invalid_token',
  invalid_dpop_proof: 'invalid_dpop_proof',
  insufficient_scope: 'insufficient_scope',
}

export function sendRegistrationError(c: HttpContext, refusal: OAuthError, { issuer }: Site) {
  const error = refusal instanceof Problem ? TOKEN_ERRORS[refusal.type] : undefined
  const body =
    error === undefined
      ? errorBody(refusal, issuer)
      : { error, error_description: refusal.description }
  return c.json(body, refusal.status as ContentfulStatusCode)
}
