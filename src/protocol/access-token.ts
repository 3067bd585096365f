/**
 * Signed access tokens (RFC 9068): the claims of a session, and the session record of a token. A token has no name or
 * address of a person, and nothing that only describes the client: everyone who handles a token can read it.
 */

import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { decodeJwt } from 'jose/jwt/decode'
import { type VerificationKeys, verifyWith } from '../crypto/signed-jwt.ts'
import { mayBeSigned } from '../crypto/token.ts'
import { MAX_SIGNED_TOKEN_SECONDS } from '../domain/resource.ts'
import { CLOCKS_DIFFER_SECONDS } from '../domain/revocation.ts'
import { formatScopes, splitScopes } from '../domain/scope.ts'
import type { NewSession, SessionRecord } from '../domain/session.ts'
import { readSession } from '../domain/session-shape.ts'
import { OAuthError } from './errors.ts'

/** §2.1 */
export const ACCESS_TOKEN_TYP = 'at+jwt'

/** `authTime`: epoch seconds at which the user signed in; undefined where no user takes part, or it was not recorded. */
export type SignedSession = Omit<NewSession, 'nonce' | 'ipAddress' | 'redirectUri' | 'client'> &
  Readonly<{ client: NonNullable<NewSession['client']>; authTime?: number | undefined }>

/**
 * §2.2. `as_of_ms` and `client_as_of_ms` are ours: the moments that revocations are compared with, as `as_of` and
 * `client_as_of` of a session record.
 */
export function accessTokenClaims(session: SignedSession, issuer: string) {
  const { user, client, audience, jkt, asOfMs, startAtMs, authTime } = session
  const [first, ...others] = audience
  return {
    iss: issuer,
    sub: user?.userId ?? client.clientId,
    aud: others.length === 0 ? first : audience,
    client_id: client.clientId,
    scope: formatScopes(session.scopes),
    iat: Math.floor(startAtMs / 1000),
    exp: Math.floor(startAtMs / 1000) + session.lifetimeSeconds,
    jti: session.sessionId,
    ...(authTime !== undefined && { auth_time: authTime }),
    endorsements: session.endorsements,
    ...(jkt !== null && { cnf: { jkt } }),
    as_of_ms: asOfMs,
    ...(client.readAtMs < asOfMs && { client_as_of_ms: client.readAtMs }),
  }
}

/** With the claims of fixed length, and encoded, it is a token of `MAX_SIGNED_TOKEN_LENGTH` at most. */
const MAX_VARIABLE_BYTES = 5400

/**
 * Throws `invalid_scope` for a token that would be too long, and `invalid_grant` for a user whose id is that of the client:
 * by §2.2 the token would be the client's own.
 */
export function requireSigned(
  claimed: Readonly<{
    issuer: string
    clientId: string
    userId: string | undefined
    scopes: readonly string[]
    endorsements: readonly string[]
    audience: readonly string[]
  }>,
) {
  if (claimed.userId === claimed.clientId) {
    const detail = 'the id of the user is that of the client, so a signed token would be ambiguous'
    throw new OAuthError('invalid_grant', 'This user cannot get signed access tokens.', { detail })
  }
  const text = JSON.stringify(Object.values(claimed))
  // A UTF-16 code unit is three bytes of UTF-8 at most.
  if (text.length * 3 <= MAX_VARIABLE_BYTES) return
  const bytes = new TextEncoder().encode(text).length
  if (bytes <= MAX_VARIABLE_BYTES) return
  throw new OAuthError(
    'invalid_scope',
    'A signed access token would be too long: request fewer scopes or resources.',
    {
      detail: `${bytes} bytes of scopes, endorsements, resources and ids: at most ${MAX_VARIABLE_BYTES}`,
    },
  )
}

type Claims = Readonly<Record<string, unknown>>

/** The last moment that ECMAScript can name, in epoch milliseconds. */
const LAST_MOMENT_MS = 8.64e15
const isMoment = (value: unknown, lastMoment: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= lastMoment
const isSecond = (value: unknown) => isMoment(value, LAST_MOMENT_MS / 1000)
const isMillisecond = (value: unknown) => isMoment(value, LAST_MOMENT_MS)

/** RFC 7800 §3.1: a token that is bound in another way than to the thumbprint of a key must not pass as a bearer token. */
const isThumbprintAlone = (cnf: unknown) =>
  typeof cnf === 'object' && cnf !== null && Object.keys(cnf).join() === 'jkt'

const isoTime = (epochMs: unknown) => new Date(Number(epochMs)).toISOString()

/** A session record, with the texts empty that no token has. Returns a string that says what is wrong with the claims. */
function sessionIn(claims: Claims): SessionRecord | string {
  const { sub, aud, client_id, scope, iat, exp, jti, endorsements, cnf } = claims
  const { as_of_ms: asOfMs, client_as_of_ms: clientAsOfMs = asOfMs } = claims
  if (![iat, exp].every(isSecond)) return 'iat or exp is no moment'
  if (![asOfMs, clientAsOfMs].every(isMillisecond))
    return 'as_of_ms or client_as_of_ms is no moment'
  if (Number(exp) - Number(iat) > MAX_SIGNED_TOKEN_SECONDS) return 'it lives too long'
  if (cnf !== undefined && !isThumbprintAlone(cnf)) return 'cnf is of no known kind'
  if (typeof scope !== 'string') return 'scope is missing'
  const audience = [aud].flat()
  if (audience.length === 0) return 'aud is empty'
  const empty = { owner_id: '', name: '', url: '', description: '', redirect_uri: '' }
  const session = readSession({
    session_id: jti,
    start_time: isoTime(Number(iat) * 1000),
    end_time: isoTime(Number(exp) * 1000),
    user: sub === client_id ? null : { user_id: sub, username: '', email: '' },
    client: { client_id, ...empty },
    authorizations: { classic: 0, scopes: splitScopes(scope), endorsements },
    audience,
    ip_address: '',
    remote_host: '',
    nonce: '',
    ...(cnf !== undefined && { cnf }),
    as_of: isoTime(asOfMs),
    ...(clientAsOfMs !== asOfMs && { client_as_of: isoTime(clientAsOfMs) }),
  })
  return session ?? 'a claim is missing or malformed'
}

/**
 * The session of a token that is valid at `nowMs` (epoch milliseconds), as far as the token itself tells: whether it was revoked
 * is another question. Returns a string that says, for the log, which check failed. What `keys` throw is thrown.
 */
export async function readAccessToken(
  token: string,
  { keys, issuer, nowMs }: Readonly<{ keys: VerificationKeys; issuer: string; nowMs: number }>,
): Promise<SessionRecord | string> {
  if (!mayBeSigned(token)) return 'it has not the form of a signed token'
  const claims = await verifyWith(keys, token, { typ: ACCESS_TOKEN_TYP, issuer, nowMs })
  if (typeof claims === 'string') return claims
  const session = sessionIn(claims)
  if (typeof session === 'string') return session
  const startsInMs = Date.parse(session.start_time) - nowMs
  return startsInMs > CLOCKS_DIFFER_SECONDS * 1000 ? 'iat is in the future' : session
}

/** The `jti` of what looks like a signed access token, without any verification; null for another kind of JWT. */
export function unverifiedId(token: string): string | null {
  try {
    const { typ } = decodeProtectedHeader(token)
    const { jti } = decodeJwt(token)
    return typ === ACCESS_TOKEN_TYP && typeof jti === 'string' && jti !== '' ? jti : null
  } catch {
    return null
  }
}
