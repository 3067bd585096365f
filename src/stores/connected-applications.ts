/** Connected applications on D1: what one user agreed to, and for whom. Read from the primary. */

import type { Database } from './database.ts'
import type { ConnectedApplication, ConnectedApplicationStore } from './ports.ts'
import { FIND_USER, readUserRow, type UserRow } from './users.ts'

/** One consent; a client may have several, one for each set of scopes. The lists are JSON. */
type ConsentRow = {
  client_id: string
  agreed: string
  granted_at: number
  used_at: number | null
  name: string
  url: string
  disabled_at: number | null
  scopes: string
  endorsements: string
  renewed_at: number | null
}

/** A family from before the consent tells of an authorization that was removed since. */
export const FIND_CONSENTS_OF_USER = `SELECT n.client_id, n.scopes AS agreed, n.granted_at, n.used_at,
    c.name, c.url, c.disabled_at,
    (SELECT json_group_array(scope) FROM client_authorization a
      WHERE a.client_id = n.client_id AND a.authorized_at IS NOT NULL) AS scopes,
    (SELECT json_group_array(category) FROM client_endorsement e
      WHERE e.client_id = n.client_id AND e.authorized_at IS NOT NULL) AS endorsements,
    (SELECT max(last_used_at) FROM refresh_family f WHERE f.user_id = n.user_id
      AND f.client_id = n.client_id AND f.started_at >= n.granted_at) AS renewed_at
  FROM consent n CROSS JOIN client c ON c.client_id = n.client_id WHERE n.user_id = ?1`

const latest = (...moments: readonly (number | null)[]) => {
  const known = moments.filter((moment) => moment !== null)
  return known.length === 0 ? null : Math.max(...known)
}

const readConsentRow = (row: ConsentRow): ConnectedApplication => ({
  clientId: row.client_id,
  name: row.name,
  url: row.url,
  disabledAt: row.disabled_at,
  agreedScopes: row.agreed.split(' '),
  scopes: JSON.parse(row.scopes) as string[],
  endorsements: JSON.parse(row.endorsements) as string[],
  grantedAt: row.granted_at,
  usedAt: latest(row.used_at, row.renewed_at),
})

const join = (one: ConnectedApplication, other: ConnectedApplication): ConnectedApplication => ({
  ...one,
  agreedScopes: [...new Set([...one.agreedScopes, ...other.agreedScopes])],
  grantedAt: Math.min(one.grantedAt, other.grantedAt),
  usedAt: latest(one.usedAt, other.usedAt),
})

export const connectedApplicationStore = (db: Database): ConnectedApplicationStore => ({
  async of(userId) {
    const [users, consents] = await db.batch([
      db.prepare(FIND_USER).bind(userId),
      db.prepare(FIND_CONSENTS_OF_USER).bind(userId),
    ])
    const byClient = new Map<string, ConnectedApplication>()
    for (const row of (consents?.results ?? []) as ConsentRow[]) {
      const read = readConsentRow(row)
      const known = byClient.get(read.clientId)
      byClient.set(read.clientId, known ? join(known, read) : read)
    }
    const row = users?.results[0] as UserRow | undefined
    return { user: row ? readUserRow(row) : null, applications: [...byClient.values()] }
  },
})
