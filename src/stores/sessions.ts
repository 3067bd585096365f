/** Sessions in KV, keyed by the digest of their token. */

import type { SessionRecord } from '../domain/session.ts'
import type { SessionStore } from './ports.ts'

export const sessionStore = (sessions: KVNamespace): SessionStore => ({
  put: (key, session, lifetimeSeconds) =>
    sessions.put(key, JSON.stringify(session), { expirationTtl: lifetimeSeconds }),
  find: (key) => sessions.get<SessionRecord>(key, 'json'),
  end: (key) => sessions.delete(key),
})
