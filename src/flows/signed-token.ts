/** A signed access token that a client shows to the registry itself. */

import { signedTokenKeyOf } from '../crypto/digest.ts'
import { ownVerificationKeys } from '../crypto/signed-jwt.ts'
import type { SessionKey } from '../domain/ids.ts'
import type { SessionRecord } from '../domain/session.ts'
import { readAccessToken } from '../protocol/read-access-token.ts'
import type { Deps, RequestContext } from './deps.ts'

/** Null if the token is not valid. Does not check whether the token was revoked. */
export async function readSignedToken(
  token: string,
  { signingKeys, issuer }: Pick<Deps, 'signingKeys' | 'issuer'>,
  { nowMs }: RequestContext,
): Promise<Readonly<{ key: SessionKey; session: SessionRecord }> | null> {
  if (!signingKeys) return null
  const keys = ownVerificationKeys(signingKeys)
  const session = await readAccessToken(token, { keys, issuer, nowMs })
  if (typeof session === 'string') return null
  return { key: await signedTokenKeyOf(session.session_id), session }
}
