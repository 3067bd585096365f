/** The check: is the credential valid, and does its session hold what is required? */

import { sessionKeyOf } from '../crypto/digest.ts'
import { isWellFormed, mayBeBrowserSession, mayBeSigned } from '../crypto/token.ts'
import { isEndorsedFor, isEndorsement } from '../domain/category.ts'
import { canonicalResource } from '../domain/resource.ts'
import { holdsScope, isScope, scopeForResource } from '../domain/scope.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { Authentication } from '../protocol/authentication.ts'
import {
  BAD_HEADER,
  BAD_TOKEN,
  type BearerError,
  badProof,
  bindingProblem,
  credentialRequired,
  isFor,
  type Refusal,
  readBearer,
  refusal,
  type Scheme,
  WRONG_AUDIENCE,
} from '../protocol/bearer.ts'
import { ownerOfProof, readProof } from '../protocol/dpop.ts'
import { readSessionCookie } from '../protocol/session-cookie.ts'
import type { LiveSessions } from '../stores/live-sessions.ts'
import type { Requirement } from './query.ts'
import type { SeenProofs } from './seen-proofs.ts'
import type { SignedTokens } from './signed-tokens.ts'

export type Question = Requirement &
  Readonly<{
    /** The caller's header; null if it was not sent. */
    authorization: string | null
    cookie: string | null
    dpop: string | null
    /** The caller's request, which its DPoP proof must name. */
    method: string
    url: string
  }>

export type RefusedCheck = Readonly<{
  kind: 'refused'
  refusal: Refusal
  /** The cause, for the operator. */
  detail?: string
  clientId?: string | null
}>

/** An `Authentication`, in which a refusal has the detail for the operator. */
export type Checked = Exclude<Authentication, { kind: 'refused' }> | RefusedCheck

type CheckDeps = Readonly<{
  sessions: LiveSessions
  /** Null if signed access tokens are not accepted. */
  signed: SignedTokens | null
  proofs: SeenProofs
  /** Epoch milliseconds. */
  nowMs: number
  issuer: string
}>

const BAD_COOKIE = 'The browser session is unknown or has ended.'

/** Throws if storage cannot be reached. A malformed credential is refused without a read of storage. */
export async function checkCredential(asked: Question, deps: CheckDeps): Promise<Checked> {
  const fault = faultOf(asked)
  if (fault) return refused('invalid_request', fault)

  const presented = presentedBy(asked, deps)
  const needed = neededScopes(asked)
  if (presented.kind === 'nothing') {
    const isRequired =
      asked.required || needed.length > 0 || asked.category !== null || asked.audience !== null
    return isRequired ? refusedWith(credentialRequired(needed)) : { kind: 'anonymous' }
  }
  if (presented.kind === 'junk') return refused('invalid_token', presented.reason, needed)

  const proof = await proofOf(presented, asked, deps)
  if (typeof proof === 'string') return refusedWith(badProof(proof, needed))
  const session = await sessionOf(presented, asked, deps)
  const scheme = presented.kind === 'dpop' ? 'DPoP' : 'Bearer'
  if (!session || typeof session === 'string' || !isOfKind(presented.kind, session)) {
    const reason = presented.kind === 'cookie' ? BAD_COOKIE : BAD_TOKEN
    const why = refused('invalid_token', reason, needed, scheme)
    return typeof session === 'string' ? { ...why, detail: session } : why
  }
  const clientId = session.client?.client_id ?? null
  const problem = bindingProblem(session.cnf?.jkt ?? null, proof, needed)
  if (problem) return { kind: 'refused', refusal: problem, clientId }

  const isForCaller = asked.audience === null || isFor(session, asked.audience)
  if (!isForCaller) {
    const detail = `${WRONG_AUDIENCE} It is for: ${session.audience.join(' ') || 'none in particular'}`
    const refused = refusal('invalid_token', WRONG_AUDIENCE, needed, scheme)
    return { kind: 'refused', refusal: refused, detail, clientId }
  }

  const lacks = (reason: string, detail: string): RefusedCheck => ({
    kind: 'refused',
    refusal: refusal('insufficient_scope', reason, needed, scheme),
    detail: `${reason} ${detail}`,
    clientId,
  })
  if (!needed.every((scope) => holdsScope(session.authorizations.scopes, scope))) {
    return lacks('The session does not hold the scope.', `Required: ${needed.join(' ')}`)
  }
  if (asked.category && !isEndorsedFor(session.authorizations.endorsements, asked.category)) {
    return lacks('The session is not endorsed for the category.', `Required: ${asked.category}`)
  }
  // The proof is used last, so that a refused request writes nothing.
  if (proof) {
    const { jti, expiresAt } = proof
    const isNew = await deps.proofs.use(ownerOfProof(proof), jti, expiresAt, asked.immediate)
    if (!isNew) return refusedWith(badProof('it was used before', needed))
  }
  return { kind: 'authenticated', session }
}

const refusedWith = (why: Refusal): RefusedCheck => ({ kind: 'refused', refusal: why })
const refused = (error: BearerError, reason: string, scopes?: readonly string[], scheme?: Scheme) =>
  refusedWith(refusal(error, reason, scopes, scheme))

/** Null if the credential needs no proof. */
function proofOf(presented: Credential, asked: Question, { nowMs }: CheckDeps) {
  if (presented.kind !== 'dpop') return null
  const { dpop, method, url } = asked
  if (dpop === null) return 'it is missing'
  return readProof(dpop, { method, url, accessToken: presented.token }, Math.floor(nowMs / 1000))
}

/** Null if there is no live session. A string says, for the operator, what is wrong with a signed token. */
async function sessionOf(
  { kind, token }: Credential,
  { immediate }: Question,
  { sessions, signed, nowMs }: CheckDeps,
): Promise<SessionRecord | string | null> {
  if (!signed || kind === 'cookie' || !mayBeSigned(token)) {
    return sessions.find(await sessionKeyOf(token), nowMs, immediate)
  }
  const read = await signed.read(token, nowMs)
  if (typeof read === 'string') return `The signed access token is not valid: ${read}.`
  const { key, session } = read
  return (await sessions.accepts(key, session, nowMs, immediate)) ? session : null
}

/** A malformed requirement is refused and never ignored. */
function faultOf({ scopes, resource, category, audience }: Requirement): string | null {
  if (audience !== null && canonicalResource(audience) === null) return 'The audience is malformed.'
  if (!scopes.every(isScope)) return 'A scope is malformed.'
  if (resource !== null) {
    if (scopes.length === 0) return 'A resource needs a scope.'
    if (!scopes.every((scope) => scopeForResource(scope, resource))) {
      return 'The resource is malformed, or a scope is not of the form domain:action.'
    }
  }
  if (category !== null && (category.endsWith('*') || !isEndorsement(category))) {
    return 'The category is malformed.'
  }
  return null
}

/** Only a route that knows the resource may accept the generic scope, so the required scopes here name the resource. */
const neededScopes = ({ scopes, resource }: Requirement) =>
  resource === null ? scopes : scopes.map((scope) => `${scope}:${resource}`)

type Credential = Readonly<{ kind: 'bearer' | 'dpop' | 'cookie'; token: string }>
type Presented =
  | Readonly<{ kind: 'nothing' }>
  | Readonly<{ kind: 'junk'; reason: string }>
  | Credential

/** If the `Authorization` header is malformed, the cookie is never used instead. */
function presentedBy(asked: Question, { issuer, signed }: CheckDeps): Presented {
  const bearer = readBearer(asked.authorization)
  if (bearer.kind === 'malformed') return { kind: 'junk', reason: BAD_HEADER }
  if (bearer.kind !== 'absent') {
    const { token } = bearer
    const hasForm = isWellFormed('accessToken', token) || (signed !== null && mayBeSigned(token))
    return hasForm ? bearer : { kind: 'junk', reason: BAD_TOKEN }
  }
  const read = readSessionCookie(asked.cookie, issuer)
  if (read.kind === 'absent') return { kind: 'nothing' }
  if (read.kind === 'malformed' || !mayBeBrowserSession(read.token)) {
    return { kind: 'junk', reason: BAD_COOKIE }
  }
  return { kind: 'cookie', token: read.token }
}

/** An access token must not be accepted as a cookie, nor a cookie as an access token. */
const isOfKind = (kind: Credential['kind'], session: SessionRecord) =>
  kind === 'cookie' ? session.client === null && session.user !== null : session.client !== null
