/** The only place that makes a session: a token for its bearer, and a record under the token's digest. */

import { sessionKeyOf } from '../crypto/digest.ts'
import { randomId, randomText } from '../crypto/random.ts'
import { mintToken } from '../crypto/token.ts'
import type { SessionKey } from '../domain/ids.ts'
import { type NewSession, sessionRecord } from '../domain/session.ts'
import type { Deps } from './deps.ts'

/** `token` goes to the bearer only. `key` is the key of its session in KV. */
export type Bearer = Readonly<{
  token: string
  key: SessionKey
  /** Public. */
  sessionId: string
  nonce: string
}>

export async function newBearer(kind: 'accessToken' | 'browserSession'): Promise<Bearer> {
  const token = mintToken(kind)
  return { token, key: await sessionKeyOf(token), sessionId: randomId(), nonce: randomText() }
}

/** Settles when the session is stored. The bearer may not get the token earlier. Returns what was stored. */
export async function openSession(
  { key, sessionId, nonce }: Bearer,
  session: Omit<NewSession, 'sessionId' | 'nonce'>,
  deps: Pick<Deps, 'sessions'>,
) {
  const record = sessionRecord({ ...session, sessionId, nonce })
  await deps.sessions.put(key, record, session.lifetimeSeconds)
  return record
}
