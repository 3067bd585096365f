/**
 * The checks of a request, by name, for the request checker of the portal. A flow calls `deps.checking?.(name)` before each
 * check. A check that fails throws, so the last name is that of the failed check. A request that is served has no `checking`.
 * Each name has a sentence in `management/checker/steps.ts`.
 */

export type CheckName =
  // The check of every request.
  | 'request'
  | 'client'
  | 'grant_type_approved'
  | 'target'
  | 'redirect_uri'
  | 'binding'
  // The checks of an authorization request.
  | 'parameters'
  | 'response_type'
  | 'state'
  | 'code_challenge'
  | 'dpop_jkt'
  | 'prompt'
  | 'user'
  // The checks of a token request.
  | 'grant_type'
  | 'dpop_required'
  | 'credentials'
  | 'dpop_proof'
  | 'auth_method'
  | 'secret'
  | 'assertion'
  | 'code'
  | 'refresh_token'
  | 'code_verifier'
  | 'dpop_key'
  | 'expiry'
  | 'reuse'
  | 'spending'

/** `checking` is absent if the request is served. */
export type Checking = Readonly<{ checking?: ((check: CheckName) => void) | undefined }>
