/** The check: whose credential is this, does it still hold, and is it enough for what is required? */

import { digest } from '../crypto/digest.ts'
import { isWellFormed, TOKEN_PREFIXES } from '../crypto/token.ts'
import { isEndorsedFor, isEndorsement } from '../domain/category.ts'
import { holdsScope, isScope } from '../domain/scope.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { Authentication } from '../protocol/authentication.ts'
import {
  type BearerError,
  credentialRequired,
  type Refusal,
  readBearer,
  refusal,
} from '../protocol/bearer.ts'
import { readSessionCookie } from '../protocol/session-cookie.ts'
import type { LiveSessions } from '../stores/ports.ts'
import type { Requirement } from './query.ts'

export type Question = Requirement &
  Readonly<{
    /** The caller's own headers; null if not sent. */
    authorization: string | null
    cookie: string | null
  }>

export type CheckDeps = Readonly<{
  sessions: LiveSessions
  /** Epoch milliseconds. */
  nowMs: number
  issuer: string
}>

const BAD_HEADER = 'The Authorization header does not carry a bearer token.'
const BAD_TOKEN = 'The access token is unknown, expired or revoked.'
const BAD_COOKIE = 'The browser session is unknown or has ended.'

/** Throws when the sessions are out of reach. Junk costs no storage. */
export async function checkCredential(asked: Question, deps: CheckDeps): Promise<Authentication> {
  const fault = faultOf(asked)
  if (fault) return refused('invalid_request', fault)

  const presented = presentedBy(asked, deps.issuer)
  const needed = neededScopes(asked)
  if (presented.kind === 'nothing') {
    const isRequired = needed.length > 0 || asked.category !== null
    return isRequired ? refusedWith(credentialRequired(needed)) : { kind: 'anonymous' }
  }
  if (presented.kind === 'junk') return refused('invalid_token', presented.reason)

  const key = await digest(presented.token)
  const session = await deps.sessions.find(key, deps.nowMs, asked.immediate)
  if (!session || !isOfKind(presented.kind, session)) {
    return refused('invalid_token', presented.kind === 'bearer' ? BAD_TOKEN : BAD_COOKIE)
  }

  if (!needed.every((scope) => holdsScope(session.authorizations.scopes, scope))) {
    return refused('insufficient_scope', 'The session does not hold the scope.', needed)
  }
  if (asked.category && !isEndorsedFor(session.authorizations.endorsements, asked.category)) {
    return refused('insufficient_scope', 'The session is not endorsed for the category.', needed)
  }
  return { kind: 'authenticated', session }
}

const refusedWith = (why: Refusal): Authentication => ({ kind: 'refused', refusal: why })
const refused = (error: BearerError, reason: string, scopes?: readonly string[]) =>
  refusedWith(refusal(error, reason, scopes))

/** A requirement that cannot be read is never taken as none. */
function faultOf({ scopes, resource, category }: Requirement): string | null {
  if (!scopes.every(isScope)) return 'A scope is malformed.'
  if (resource !== null) {
    if (scopes.length === 0) return 'A resource needs a scope.'
    if (resource === '*' || !scopes.every((scope) => isScope(`${scope}:${resource}`))) {
      return 'The resource is malformed, or a scope names one already.'
    }
  }
  if (category !== null && (category.endsWith('*') || !isEndorsement(category))) {
    return 'The category is malformed.'
  }
  return null
}

/** There is no route to decide here, so for a resource the generic scope is not enough. */
const neededScopes = ({ scopes, resource }: Requirement) =>
  resource === null ? scopes : scopes.map((scope) => `${scope}:${resource}`)

type Presented =
  | Readonly<{ kind: 'nothing' }>
  | Readonly<{ kind: 'junk'; reason: string }>
  | Readonly<{ kind: 'bearer' | 'cookie'; token: string }>

/** The header decides when there is one: a bad one never falls back to the cookie. */
function presentedBy({ authorization, cookie }: Question, issuer: string): Presented {
  const bearer = readBearer(authorization)
  if (bearer.kind === 'malformed') return { kind: 'junk', reason: BAD_HEADER }
  if (bearer.kind === 'bearer') {
    if (!isWellFormed('accessToken', bearer.token)) return { kind: 'junk', reason: BAD_TOKEN }
    return bearer
  }
  const read = readSessionCookie(cookie, issuer)
  if (read.kind === 'absent') return { kind: 'nothing' }
  if (read.kind === 'malformed' || !mayBeSession(read.token)) {
    return { kind: 'junk', reason: BAD_COOKIE }
  }
  return { kind: 'cookie', token: read.token }
}

/** Ours must be well-formed; an external accounts service may mint its own, unlike any credential of ours. */
function mayBeSession(token: string): boolean {
  const kinds = Object.entries(TOKEN_PREFIXES)
  if (!kinds.some(([, prefix]) => token.startsWith(prefix))) return true
  return isWellFormed('browserSession', token)
}

/** An access token is no cookie and a cookie no access token, whoever found either. */
const isOfKind = (kind: 'bearer' | 'cookie', session: SessionRecord) =>
  kind === 'bearer' ? session.client !== null : session.client === null && session.user !== null
