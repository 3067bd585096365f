/**
 * Who may call: the request needs an access token of this registry with one of the operation's scopes. A cookie is never
 * accepted.
 */

import { checkCredential } from '../authenticator/check.ts'
import type { RegistryScope } from '../domain/registry-scopes.ts'
import { holdsScope } from '../domain/scope.ts'
import type { Actor } from '../flows/registration/change.ts'
import { refuseFlood } from '../http/flood.ts'
import type { HttpContext } from '../http/request-context.ts'
import { BAD_TOKEN, badProof, type Refusal, refusal, type Scheme } from '../protocol/bearer.ts'
import { Problem, type ProblemType } from '../protocol/problem.ts'
import type { ManagementDeps } from './deps.ts'
import { type Caller, sufficientFor } from './operation.ts'

type GuardDeps = Pick<ManagementDeps, 'issuer' | 'liveSessions' | 'proofs' | 'refusalLimit'>

export const actorOf = ({ clientId, userId, scopes }: Caller): Actor => ({
  name: userId === null ? `client:${clientId}` : `client:${clientId} user:${userId}`,
  scopes,
  ...(userId !== null && { userId }),
})

/** `confirm` asks D1 whether the token was revoked and the proof was used. Nothing may be returned before it has settled. */
type Admitted = Readonly<{ caller: Caller; confirm: () => Promise<void> }>

const TYPES: Readonly<Record<Refusal['error'], ProblemType>> = {
  invalid_request: 'invalid_request',
  invalid_token: 'invalid_token',
  invalid_dpop_proof: 'invalid_dpop_proof',
  insufficient_scope: 'insufficient_scope',
  access_denied: 'forbidden',
  authentication_required: 'authentication_required',
  temporarily_unavailable: 'unavailable',
}

/** The challenge names the scope that suffices (RFC 6750 §3). */
function refusedToken(why: Refusal, scope: RegistryScope, detail?: string): Problem {
  const challenge = why.wwwAuthenticate
  const named = challenge?.includes(' scope=') ? challenge : `${challenge}, scope="${scope}"`
  return new Problem(TYPES[why.error], why.reason, {
    ...(challenge !== null && { headers: { 'WWW-Authenticate': named } }),
    ...(detail !== undefined && { detail }),
  })
}

const schemeOf = (c: HttpContext): Scheme =>
  /^dpop /i.test(c.req.header('Authorization') ?? '') ? 'DPoP' : 'Bearer'

/** Throws 401 or 403. Only guesses are counted against floods. */
export async function admit(
  c: HttpContext,
  scopes: readonly [RegistryScope, ...RegistryScope[]],
  deps: GuardDeps,
): Promise<Admitted> {
  try {
    return await check(c, scopes, deps)
  } catch (cause) {
    if (cause instanceof Problem && cause.status === 401) await refuseFlood(c, deps.refusalLimit)
    throw cause
  }
}

async function check(
  c: HttpContext,
  scopes: readonly [RegistryScope, ...RegistryScope[]],
  { issuer, liveSessions, proofs }: GuardDeps,
): Promise<Admitted> {
  const { nowMs } = c.get('request')
  const [narrowest] = scopes
  let confirmSession = async () => true
  let confirmProof = async () => true
  const question = {
    authorization: c.req.header('Authorization') ?? null,
    cookie: null,
    dpop: c.req.header('DPoP') ?? null,
    method: c.req.method,
    // The URL has the issuer and not the Host header, because clients get the address from the metadata.
    url: issuer + new URL(c.req.url).pathname,
    scopes: [],
    resource: null,
    category: null,
    audience: null,
    immediate: true,
    required: true,
  }
  // The questions to D1 are deferred, so that they run together with the operation's own read.
  const checked = await checkCredential(question, {
    sessions: {
      ...liveSessions,
      find: async (key) => {
        const session = await liveSessions.findShown(key, nowMs)
        if (session) confirmSession = () => liveSessions.holds(key, session)
        return session
      },
    },
    // Scopes of the registry belong to no resource, so no signed token has such a scope.
    signed: null,
    proofs: {
      use: async (...proof) => {
        confirmProof = () => proofs.use(...proof)
        return true
      },
    },
    nowMs,
    issuer,
  })
  if (checked.kind === 'refused') throw refusedToken(checked.refusal, narrowest, checked.detail)
  const client = checked.kind === 'authenticated' ? checked.session.client : null
  if (checked.kind === 'anonymous' || !client) throw new Error('the check let no client through')
  c.set('callerId', client.client_id)
  const held = checked.session.authorizations.scopes
  const suffices = sufficientFor(scopes)
  if (!suffices.some((scope) => holdsScope(held, scope))) {
    const reason = `The operation needs the scope ${suffices.join(' or ')}.`
    const lacks = refusal('insufficient_scope', reason, [narrowest], schemeOf(c))
    throw refusedToken(lacks, narrowest)
  }
  return {
    caller: {
      clientId: client.client_id,
      userId: checked.session.user?.user_id ?? null,
      scopes: held,
    },
    async confirm() {
      if (!(await confirmSession())) {
        throw refusedToken(refusal('invalid_token', BAD_TOKEN, [], schemeOf(c)), narrowest)
      }
      // The proof is confirmed after the session, so that the holder of a revoked token writes nothing.
      if (!(await confirmProof())) {
        throw refusedToken(badProof('it was used before'), narrowest)
      }
    },
  }
}
