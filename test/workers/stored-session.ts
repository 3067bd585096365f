/** Session records in the real KV, for the tests of their readers. */

import { env } from 'cloudflare:workers'
import { digest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import type { SessionRecord } from '../../src/domain/session.ts'

export const ISSUER = 'http://127.0.0.1:8787'
export const JWT_SECRET = 'a secret of the tests, of more than 32 bytes'
export const LIFETIME_SECONDS = 7200

export const { SESSIONS } = env
export const authenticatorEnv = () => ({ SESSIONS, ISSUER, JWT_SECRET })

const CLIENT = {
  client_id: 'client-1',
  owner_id: 'owner-1',
  name: 'A client',
  url: 'https://client.example',
  description: 'Reads submissions',
  redirect_uri: 'https://client.example/callback',
}
const USER = { user_id: 'user-1', username: 'ada', email: 'ada@example.org' }

export function record(change: Partial<SessionRecord> = {}): SessionRecord {
  const start = Math.floor(Date.now() / 1000) * 1000
  return {
    session_id: 'session-1',
    start_time: new Date(start).toISOString(),
    end_time: new Date(start + LIFETIME_SECONDS * 1000).toISOString(),
    user: USER,
    client: CLIENT,
    authorizations: { classic: 0, scopes: ['submission:read'], endorsements: ['cs.*'] },
    audience: [],
    ip_address: '192.0.2.1',
    remote_host: '192.0.2.1',
    nonce: 'nonce-1',
    ...change,
  }
}

export const browserRecord = () => record({ client: null })

export const authorizing = (scopes: string[], endorsements: string[] = []) => ({
  authorizations: { classic: 0, scopes, endorsements },
})

/** Stores any value, as an external accounts service might. */
export async function store(token: string, value: unknown): Promise<string> {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  await SESSIONS.put(await digest(token), text, { expirationTtl: LIFETIME_SECONDS })
  return token
}

export const storeToken = (change: Partial<SessionRecord> = {}) =>
  store(mintToken('accessToken'), record(change))

export const storeBrowserSession = () => store(mintToken('browserSession'), browserRecord())

export const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })
export const cookie = (token: string) => ({ Cookie: `registry_session=${token}` })
