/** The request of a service to the authenticator over a service binding, and the result. */

import type { SessionRecord } from '../domain/session.ts'
import type { Refusal } from './bearer.ts'

export type AuthenticationRequest = Readonly<{
  /** The caller's `Authorization` header. */
  authorization?: string | null
  /** The caller's `Cookie` header. */
  cookie?: string | null
  /** The caller's `DPoP` header, and the method and absolute URL of its request, which the proof must name. */
  dpop?: string | null
  method?: string
  url?: string
  /** The session must hold all of these scopes. */
  scopes?: readonly string[]
  /** The session must hold each scope for the resource with this id. */
  resource?: string
  /** The access token must be for this resource: its URI (RFC 8707). */
  audience?: string
  /** The session must have an endorsement for this category. */
  category?: string
  /** Revocations are read from D1 and not from KV; 503 if the authenticator has no database. */
  immediate?: boolean
  /** An anonymous caller is refused, even if nothing else is required. */
  required?: boolean
}>

export type Authentication =
  /** The caller presented nothing, and nothing was required. */
  | Readonly<{ kind: 'anonymous' }>
  | Readonly<{ kind: 'authenticated'; session: SessionRecord }>
  /** The caller is refused, or the check failed (503). */
  | Readonly<{ kind: 'refused'; refusal: Refusal }>

/** A service binding to the authenticator, or a substitute with the same behaviour. */
export type AuthenticatorBinding = Readonly<{
  authenticate(request: AuthenticationRequest): Promise<Authentication>
}>
