/** Sessions in KV, keyed by the digest of their token. Reading one is for `live-sessions.ts`. */

import type { SessionStore } from './ports.ts'

export const sessionStore = (sessions: Pick<KVNamespace, 'put'>): SessionStore => ({
  put: (key, session, lifetimeSeconds) =>
    sessions.put(key, JSON.stringify(session), { expirationTtl: lifetimeSeconds }),
})
