/**
 * Requests of the registry to the management Worker about a client metadata document, and the results. They are plain data,
 * because they are sent over RPC.
 */

import { ATTEMPT_SECONDS } from '../domain/client-document.ts'
import { OAuthError } from './errors.ts'
import { sanitized } from './sanitize.ts'

export type ResolutionRequest = Readonly<{
  clientId: string
  /** `unknown_key`: the client signed with a key that is not stored, so its keys are read again even if they are fresh. */
  cause: 'not_fresh' | 'unknown_key'
}>

export type Resolution =
  /** The client's row is what the client's document says now. */
  | Readonly<{ kind: 'current' }>
  /** The document, or its publisher, is not accepted. `reason` is a sentence without a full stop. */
  | Readonly<{ kind: 'refused'; reason: string }>
  /** The document could not be read. `reason` is a sentence without a full stop. */
  | Readonly<{ kind: 'unavailable'; reason: string }>
  /** The document's host got a request a moment ago. */
  | Readonly<{ kind: 'too_soon' }>

/** The part of the management Worker that reads documents. */
export interface ClientDocuments {
  /** Throws if storage fails, or if no management Worker is bound. */
  resolve(asked: ResolutionRequest): Promise<Resolution>
}

const MAX_REASON_LENGTH = 200

/** The person at the browser sees this error. There is no redirect, because nothing is known of the client. */
export function documentRefusal(resolution: Exclude<Resolution, { kind: 'current' }>): OAuthError {
  if (resolution.kind === 'too_soon') {
    const sentence = `The description of this application was asked for a moment ago. Try again in ${ATTEMPT_SECONDS} seconds.`
    return new OAuthError('temporarily_unavailable', sentence, {
      status: 429,
      headers: { 'Retry-After': String(ATTEMPT_SECONDS) },
      detail: 'document host: asked a moment ago',
    })
  }
  const reason = sanitized(resolution.reason, MAX_REASON_LENGTH)
  const sentence = `The description of this application cannot be used: ${reason}.`
  return new OAuthError('invalid_request', sentence, {
    detail: `document ${resolution.kind}: ${reason}`,
  })
}
