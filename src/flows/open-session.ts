/** The only place that makes a session: an opaque token and a record under its digest, or a signed token that carries it. */

import { sessionKeyOf, signedTokenKeyOf } from '../crypto/digest.ts'
import { randomId, randomText } from '../crypto/random.ts'
import { signWith } from '../crypto/signed-jwt.ts'
import { mintToken } from '../crypto/token.ts'
import type { SessionKey } from '../domain/ids.ts'
import type { TokenFormat } from '../domain/resource.ts'
import { type NewSession, sessionRecord } from '../domain/session.ts'
import {
  ACCESS_TOKEN_TYP,
  accessTokenClaims,
  type SignedSession,
} from '../protocol/access-token.ts'
import type { Deps } from './deps.ts'

/** `token` goes to the bearer only. `key` is the key of its session in KV. */
export type OpaqueBearer = Readonly<{
  kind: 'opaque'
  token: string
  key: SessionKey
  /** The id of the session, which is no secret. */
  sessionId: string
  nonce: string
}>

/** A signed token is made once its session is known; `sessionId` is its `jti`. */
export type Bearer = OpaqueBearer | Readonly<{ kind: 'signed'; sessionId: string }>

export async function newBearer(kind: 'accessToken' | 'browserSession'): Promise<OpaqueBearer> {
  const token = mintToken(kind)
  const key = await sessionKeyOf(token)
  return { kind: 'opaque', token, key, sessionId: randomId(), nonce: randomText() }
}

export const newAccessBearer = async (format: TokenFormat): Promise<Bearer> =>
  format === 'jwt' ? { kind: 'signed', sessionId: randomId() } : newBearer('accessToken')

/** The key by which the session is revoked. */
export const keyOf = async (bearer: Bearer): Promise<SessionKey> =>
  bearer.kind === 'signed' ? signedTokenKeyOf(bearer.sessionId) : bearer.key

/** Settles when the session is stored: the bearer must not get the token earlier. Returns what was stored. */
export async function openSession(
  { key, sessionId, nonce }: OpaqueBearer,
  session: Omit<NewSession, 'sessionId' | 'nonce'>,
  deps: Pick<Deps, 'sessions'>,
) {
  const record = sessionRecord({ ...session, sessionId, nonce })
  await deps.sessions.put(key, record, session.lifetimeSeconds)
  return record
}

/** Stores nothing, because a signed token carries its session. */
export function signSession(
  session: SignedSession,
  { signingKeys, issuer }: Pick<Deps, 'signingKeys' | 'issuer'>,
) {
  if (!signingKeys) throw new Error(NO_SIGNING_KEYS)
  return signWith(signingKeys, ACCESS_TOKEN_TYP, accessTokenClaims(session, issuer))
}

export const NO_SIGNING_KEYS =
  'SIGNING_KEYS: must be set, since a requested resource wants signed access tokens'
