/** The only place that makes a session: a token for its bearer, and a record under the token's digest. */

import { sessionKeyOf } from '../crypto/digest.ts'
import { randomId, randomText } from '../crypto/random.ts'
import { mintToken } from '../crypto/token.ts'
import type { SessionKey } from '../domain/ids.ts'
import { type NewSession, sessionRecord } from '../domain/session.ts'
import type { Deps } from './deps.ts'

/** `token` goes to the bearer only. `key` is the key of its session in KV. */
export type Bearer = Readonly<{ token: string; key: SessionKey }>

export async function newBearer(kind: 'accessToken' | 'browserSession'): Promise<Bearer> {
  const token = mintToken(kind)
  return { token, key: await sessionKeyOf(token) }
}

/** Settles when the session is stored. The bearer may not get the token earlier. */
export const openSession = (
  bearer: Bearer,
  session: Omit<NewSession, 'sessionId' | 'nonce'>,
  deps: Pick<Deps, 'sessions'>,
) =>
  deps.sessions.put(
    bearer.key,
    sessionRecord({ ...session, sessionId: randomId(), nonce: randomText() }),
    session.lifetimeSeconds,
  )
