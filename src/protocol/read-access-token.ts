/** Reads signed access tokens (RFC 9068): the session record of a token. */

import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { decodeJwt } from 'jose/jwt/decode'
import { type VerificationKeys, verifyWith } from '../crypto/signed-jwt.ts'
import { mayBeSigned } from '../crypto/token.ts'
import { MAX_SIGNED_TOKEN_SECONDS } from '../domain/resource.ts'
import { CLOCKS_DIFFER_SECONDS } from '../domain/revocation.ts'
import { splitScopes } from '../domain/scope.ts'
import { type SessionRecord, UNTOLD } from '../domain/session.ts'
import { readSession } from '../domain/session-shape.ts'
import { ACCESS_TOKEN_TYP } from './access-token.ts'

type Claims = Readonly<Record<string, unknown>>

/** The last moment that a Date can represent, in epoch milliseconds. */
const LAST_MOMENT_MS = 8.64e15
const isMoment = (value: unknown, lastMoment: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= lastMoment
const isSecond = (value: unknown) => isMoment(value, LAST_MOMENT_MS / 1000)
const isMillisecond = (value: unknown) => isMoment(value, LAST_MOMENT_MS)

/** RFC 7800 §3.1: a token that is bound to anything but the thumbprint of a key must not be accepted as a bearer token. */
const isThumbprintAlone = (cnf: unknown) =>
  typeof cnf === 'object' && cnf !== null && Object.keys(cnf).join() === 'jkt'

const isoTime = (epochMs: unknown) => new Date(Number(epochMs)).toISOString()

/** The texts that no token contains are empty. Returns a string that says why if the claims are wrong. */
function sessionIn(claims: Claims): SessionRecord | string {
  const { sub, aud, client_id, scope, iat, exp, jti, endorsements, cnf } = claims
  const { as_of_ms: asOfMs, client_as_of_ms: clientAsOfMs = asOfMs } = claims
  if (![iat, exp].every(isSecond)) return 'iat or exp is not a time'
  if (![asOfMs, clientAsOfMs].every(isMillisecond))
    return 'as_of_ms or client_as_of_ms is not a time'
  if (Number(exp) - Number(iat) > MAX_SIGNED_TOKEN_SECONDS) return 'its lifetime is too long'
  if (cnf !== undefined && !isThumbprintAlone(cnf)) return 'cnf is of an unknown kind'
  if (typeof scope !== 'string') return 'scope is missing'
  const audience = [aud].flat()
  if (audience.length === 0) return 'aud is empty'
  const session = readSession({
    session_id: jti,
    start_time: isoTime(Number(iat) * 1000),
    end_time: isoTime(Number(exp) * 1000),
    user: sub === client_id ? null : { user_id: sub, username: '', email: '' },
    client: { client_id, ...UNTOLD.client },
    authorizations: { classic: 0, scopes: splitScopes(scope), endorsements },
    audience,
    ...UNTOLD.request,
    ...(cnf !== undefined && { cnf }),
    as_of: isoTime(asOfMs),
    ...(clientAsOfMs !== asOfMs && { client_as_of: isoTime(clientAsOfMs) }),
  })
  return session ?? 'a claim is missing or malformed'
}

/**
 * The session of a token that is valid at `nowMs` (epoch milliseconds) as far as the token itself tells. Does not check
 * whether the token was revoked. Returns a string, for the log, that says which check failed. Faults of `keys` are thrown.
 */
export async function readAccessToken(
  token: string,
  { keys, issuer, nowMs }: Readonly<{ keys: VerificationKeys; issuer: string; nowMs: number }>,
): Promise<SessionRecord | string> {
  if (!mayBeSigned(token)) return 'it does not have the form of a signed token'
  const claims = await verifyWith(keys, token, { typ: ACCESS_TOKEN_TYP, issuer, nowMs })
  if (typeof claims === 'string') return claims
  const session = sessionIn(claims)
  if (typeof session === 'string') return session
  const startsInMs = Date.parse(session.start_time) - nowMs
  return startsInMs > CLOCKS_DIFFER_SECONDS * 1000 ? 'iat is in the future' : session
}

/** The `jti` of a text that looks like a signed access token, without any verification; null for another kind of JWT. */
export function unverifiedId(token: string): string | null {
  try {
    const { typ } = decodeProtectedHeader(token)
    const { jti } = decodeJwt(token)
    return typ === ACCESS_TOKEN_TYP && typeof jti === 'string' && jti !== '' ? jti : null
  } catch {
    return null
  }
}
