/** Sessions in KV, keyed by the digest of their token. */

import { readSession } from '../domain/session-shape.ts'
import type { SessionStore } from './ports.ts'

/** A record that is not even JSON is a record of the wrong shape; KV out of reach is a fault. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

export const sessionStore = (sessions: KVNamespace): SessionStore => ({
  put: (key, session, lifetimeSeconds) =>
    sessions.put(key, JSON.stringify(session), { expirationTtl: lifetimeSeconds }),
  /** An external accounts service may write here too: a record of the wrong shape is no session. */
  async find(key) {
    const text = await sessions.get(key)
    return text === null ? null : readSession(parsed(text))
  },
  end: (key) => sessions.delete(key),
})
