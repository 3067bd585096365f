/**
 * SQL: may a client still have any of the granted scopes? This is a condition of the statement that spends a code or a
 * refresh token, so that a refused request spends nothing. The rule is that of `flows/still-held.ts`.
 */

import type { Client, GrantType } from '../domain/client.ts'
import { CLIENT_COLUMNS } from './clients.ts'
import { scopeCoversSql } from './covering-sql.ts'
import type { HeldNow, Terms } from './spending-ports.ts'
import { jtiDigest } from './used-jtis.ts'
import { readUserRow, USER_JSON } from './users.ts'

const overlap = (one: string, other: string) =>
  `(${scopeCoversSql(one, other)} OR ${scopeCoversSql(other, one)})`
const narrower = (one: string, other: string) =>
  `iif(${scopeCoversSql(one, other)}, ${other}, ${one})`

type Names = Readonly<{
  from: string
  clientId: string
  userId: string
  terms: string
  grantType: GrantType
}>

/**
 * `SELECT 1` if the terms hold, for `EXISTS (...)`. `clientId` and `userId` are SQL expressions over `from`, `terms` is a
 * parameter (`termsJson`). The SQL is flat, because D1 limits the depth of expressions to 100 and counts through subqueries.
 */
export const stillGranted = ({
  from,
  clientId,
  userId,
  terms,
  grantType,
}: Names) => `SELECT 1 FROM ${from}
    JOIN client c ON c.client_id = ${clientId} AND c.disabled_at IS NULL
    JOIN client_grant_type t
      ON t.client_id = c.client_id AND t.grant_type = '${grantType}' AND t.authorized_at IS NOT NULL
    JOIN client_authorization a ON a.client_id = c.client_id AND a.authorized_at IS NOT NULL
    JOIN json_each(${terms}, '$.scopes') g ON ${overlap('g.value', 'a.scope')}
    LEFT JOIN user u ON u.user_id = ${userId}
    LEFT JOIN user_scope s ON s.user_id = u.user_id
    LEFT JOIN used_jti j ON j.jti_digest = ${terms} ->> '$.proof'
  WHERE j.jti_digest IS NULL AND iif(u.user_id IS NULL, ${terms} ->> '$.usersAreExternal',
      u.disabled_at IS NULL AND ${overlap(narrower('g.value', 'a.scope'), 's.scope')})`

/** The columns returned to the call that won: client and user as the spending statement read them. */
export const heldNow = (clientId: string, userId: string) => `
  (SELECT json_object('scopes', c.scopes, 'endorsements', c.endorsements)
    FROM (SELECT ${CLIENT_COLUMNS} FROM client c WHERE c.client_id = ${clientId}) c) AS client,
  ${USER_JSON(userId)} AS user`

export function readHeldNow(row: { client: string; user: string | null }): HeldNow {
  const lists = JSON.parse(row.client) as Record<'scopes' | 'endorsements', string>
  const client: Pick<Client, 'scopes' | 'endorsements'> = {
    scopes: JSON.parse(lists.scopes) as string[],
    endorsements: JSON.parse(lists.endorsements) as string[],
  }
  return { client, user: readUserJson(row.user) }
}

export const readUserJson = (json: string | null) =>
  json === null ? null : readUserRow(JSON.parse(json))

export const proofDigest = async ({ proof }: Terms): Promise<string | null> =>
  proof && jtiDigest(proof.owner, proof.jti)

export const termsJson = async (terms: Terms): Promise<string> =>
  JSON.stringify({ ...terms, proof: await proofDigest(terms) })
