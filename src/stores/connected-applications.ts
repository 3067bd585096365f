/** Connected applications in D1: what one user agreed to, for each client. The primary is read. */

import type { SelfRegistered } from '../domain/client.ts'
import type { ClientId } from '../domain/ids.ts'
import { bound, type Database, firstIn, type RowOf, rowsIn } from './database.ts'
import { FAMILY_END } from './refresh-tokens.ts'
import { readCatalogue, wholeCatalogue } from './scope-catalogue.ts'
import { FIND_USER, readUserRow } from './users.ts'

/**
 * What one user agreed to for one client, and what the client is authorized for now. Instants in epoch seconds.
 * `agreedScopes` are the scopes of the latest answer, and those scopes of earlier answers that a refresh token, a code or a
 * session may still have.
 */
export type ConnectedApplication = Readonly<{
  clientId: ClientId
  name: string
  url: string
  selfRegistered: Pick<SelfRegistered, 'kind'> | null
  /** The digest of the client's logo; null if there is none. */
  logo: string | null
  disabledAt: number | null
  agreedScopes: readonly string[]
  /** Null if the answer is older than the choice of endorsements: it was for all of them. */
  agreedEndorsements: readonly string[] | null
  scopes: readonly string[]
  endorsements: readonly string[]
  /** When the user first agreed since the consent was last removed. */
  grantedAt: number
  /** When a code was last redeemed or a token refreshed; null if never. */
  usedAt: number | null
}>

/** The consent to one client. `agreedScopes` and `agreedEndorsements` are separated by spaces; the other lists are JSON. */
type ConsentRow = RowOf<ConnectedApplication> &
  Readonly<{ agreedScopes: string; issued: string; renewedAt: number | null }>

/** The lists of the user in a record. Members that are not lists are left out. */
const permissionsIn = (record: string) => `json_each(${record}, '$.user') k,
        json_each(iif(k.key IN ('scopes', 'endorsements'), k.value, '[]')) s`
const PERMISSION = `k.key || ' ' || s.value`

/**
 * `issued`: the scopes and endorsements of earlier answers that families, codes, and sessions from codes of the last `?2`
 * seconds may still have. Each value follows its kind and a space. A family or code that is older than the consent belongs to
 * an authorization that was removed.
 */
export const FIND_CONSENTS_OF_USER = `SELECT n.client_id AS clientId, n.scopes AS agreedScopes, n.endorsements AS agreedEndorsements, n.granted_at AS grantedAt,
    n.used_at AS usedAt, c.name, c.url, c.disabled_at AS disabledAt,
    (SELECT json_object('kind', s.kind) FROM self_registered_client s WHERE s.client_id = n.client_id) AS selfRegistered,
    (SELECT g.digest FROM logo g WHERE g.logo_uri = c.logo_uri) AS logo,
    (SELECT json_group_array(scope) FROM client_authorization a
      WHERE a.client_id = n.client_id AND a.authorized_at IS NOT NULL) AS scopes,
    (SELECT json_group_array(category) FROM client_endorsement e
      WHERE e.client_id = n.client_id AND e.authorized_at IS NOT NULL) AS endorsements,
    (SELECT max(last_used_at) FROM refresh_family f WHERE f.user_id = n.user_id
      AND f.client_id = n.client_id AND f.started_at >= n.granted_at) AS renewedAt,
    (SELECT json_group_array(DISTINCT value) FROM (
      SELECT ${PERMISSION} AS value FROM refresh_family f, ${permissionsIn('f.record')}
        WHERE f.user_id = n.user_id AND f.client_id = n.client_id AND f.started_at >= n.granted_at
          AND f.ended_at IS NULL AND ${FAMILY_END} > unixepoch()
      UNION ALL SELECT ${PERMISSION} FROM authorization_code a, ${permissionsIn('a.record')}
        WHERE a.user_id = n.user_id AND a.client_id = n.client_id AND a.record ->> '$.issuedAt' >= n.granted_at
          AND a.session_key IS NOT '' AND coalesce(a.spent_at, a.expires_at) > unixepoch() - ?2)) AS issued
  FROM consent n CROSS JOIN client c ON c.client_id = n.client_id WHERE n.user_id = ?1`

const latest = (...moments: readonly (number | null)[]) => {
  const known = moments.filter((moment) => moment !== null)
  return known.length === 0 ? null : Math.max(...known)
}

function readConsentRow({ issued, renewedAt, ...row }: ConsentRow): ConnectedApplication {
  const { agreedScopes, agreedEndorsements } = row
  const issuedOf = (kind: 'scopes' | 'endorsements') =>
    (JSON.parse(issued) as string[])
      .filter((one) => one.startsWith(`${kind} `))
      .map((one) => one.slice(kind.length + 1))
  return {
    ...row,
    selfRegistered: JSON.parse(row.selfRegistered ?? 'null'),
    agreedScopes: [...new Set([...agreedScopes.split(' '), ...issuedOf('scopes')])],
    agreedEndorsements:
      agreedEndorsements === null
        ? null
        : [...agreedEndorsements.split(' ').filter(Boolean), ...issuedOf('endorsements')],
    scopes: JSON.parse(row.scopes),
    endorsements: JSON.parse(row.endorsements),
    usedAt: latest(row.usedAt, renewedAt),
  }
}

export type ConnectedApplicationStore = ReturnType<typeof connectedApplicationStore>

export const connectedApplicationStore = (db: Database, sessionLifetimeSeconds: number) => ({
  /** Makes one read of the primary, so nothing is stale. `user` is null if the registry has no such user. */
  async of(userId: string) {
    const [users, consents, ...declared] = await db.batch([
      bound(db, FIND_USER, userId),
      bound(db, FIND_CONSENTS_OF_USER, userId, sessionLifetimeSeconds),
      ...wholeCatalogue(db),
    ])
    return {
      user: firstIn(users, readUserRow),
      applications: rowsIn<ConsentRow>(consents).map(readConsentRow),
      catalogue: readCatalogue(declared),
    }
  },
})
