/** What a service asks the authenticator over a service binding, and what it is told. */

import type { SessionRecord } from '../domain/session.ts'
import type { Refusal } from './bearer.ts'

export type AuthenticationRequest = Readonly<{
  /** The caller's `Authorization` header. */
  authorization?: string | null
  /** The caller's `Cookie` header. */
  cookie?: string | null
  /** The caller's `DPoP` header, with the method and the absolute URL of its request: what a proof is about. */
  dpop?: string | null
  method?: string
  url?: string
  /** All of them are required. */
  scopes?: readonly string[]
  /** Each of the scopes is asked for this resource. */
  resource?: string
  /** The session must be endorsed for it. */
  category?: string
  /** Revocations are asked of D1, not of what KV shows; refused where the authenticator has no database. */
  immediate?: boolean
  /** An anonymous caller is refused, also where no scope and no category is required. */
  required?: boolean
}>

export type Authentication =
  /** Nothing was presented, and nothing was required. */
  | Readonly<{ kind: 'anonymous' }>
  | Readonly<{ kind: 'authenticated'; session: SessionRecord }>
  /** Also when it could not be found out (503): never an open door. */
  | Readonly<{ kind: 'refused'; refusal: Refusal }>

/** A service binding to the authenticator, or anything that keeps its promise. */
export type AuthenticatorBinding = Readonly<{
  authenticate(request: AuthenticationRequest): Promise<Authentication>
}>
