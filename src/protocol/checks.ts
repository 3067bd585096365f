/** The checks of a request, by name: the request checker tells its reader which passed and which failed. */

export type CheckName =
  // Of every request.
  | 'request'
  | 'client'
  | 'grant_type_approved'
  | 'target'
  | 'redirect_uri'
  | 'binding'
  // Of an authorization request.
  | 'parameters'
  | 'response_type'
  | 'state'
  | 'code_challenge'
  | 'dpop_jkt'
  | 'prompt'
  | 'user'
  // Of a token request.
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

/** Told of each check before it is made. Absent where a request is served. */
export type Checking = Readonly<{ checking?: ((check: CheckName) => void) | undefined }>
