/** Requests of the registry to the management worker about a client metadata document, and the results: over RPC, so plain data. */

import { ATTEMPT_SECONDS } from '../domain/client-document.ts'
import { OAuthError } from './errors.ts'
import { sanitized } from './sanitize.ts'

export type ResolutionRequest = Readonly<{
  clientId: string
  /** `unknown_key`: the client signed with a key that is not kept, so its keys are read again however fresh they are. */
  cause: 'not_fresh' | 'unknown_key'
}>

export type Resolution =
  /** The client's row is what its document says now. */
  | Readonly<{ kind: 'current' }>
  /** The document, or who publishes it, is not accepted. `reason` is a sentence without a full stop. */
  | Readonly<{ kind: 'refused'; reason: string }>
  /** It could not be read. `reason`: the same. */
  | Readonly<{ kind: 'unavailable'; reason: string }>
  /** Its host was asked a moment ago. */
  | Readonly<{ kind: 'too_soon' }>

/** The management worker, as far as it reads documents. */
export interface ClientDocuments {
  /** Throws when storage fails, and where no management worker is bound. */
  resolve(asked: ResolutionRequest): Promise<Resolution>
}

const MAX_REASON_LENGTH = 200

/** For the person at the browser. Not a fault of ours, and no redirect: nothing is known of the client. */
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
