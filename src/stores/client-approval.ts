/** What a client was when a decision last gave it a permission, in D1. */

import { SEEN_FIELDS, type SeenField } from '../domain/client-approval.ts'
import { snakeCase } from '../domain/json-object.ts'
import { bound, type Database } from './database.ts'
import type { Authorship, ClientChange, NewClient } from './registration-ports.ts'

/** SQL for the fields that are not columns of the client `c`. */
const NO_COLUMNS: Partial<Record<SeenField, string>> = {
  jwks: `iif(c.jwks_uri = '', c.jwks, NULL)`,
  redirectUris: `json((SELECT json_group_array(redirect_uri) FROM client_redirect_uri r WHERE r.client_id = c.client_id))`,
  furtherOwners: `json((SELECT json_group_array(user_id) FROM client_owner o WHERE o.client_id = c.client_id))`,
}
/** SQL: `Approval['seen']` of the client `c`. */
const SEEN = `json_object(${SEEN_FIELDS.map(
  (field) => `'${field}', ${NO_COLUMNS[field] ?? `c.${snakeCase(field)}`}`,
).join(', ')})`
export const KEEP_APPROVAL = `INSERT INTO client_approval (client_id, approved_at, actor, seen)
  SELECT c.client_id, ?2, ?3, ${SEEN} FROM client c WHERE c.client_id = ?1
  ON CONFLICT DO UPDATE SET approved_at = excluded.approved_at, actor = excluded.actor, seen = excluded.seen`
/** SQL: the approval of the client `c` as JSON; NULL if there is none. */
export const APPROVAL_COLUMN = `(SELECT json_object('approvedAt', p.approved_at, 'actor', p.actor, 'seen', json(p.seen))
    FROM client_approval p WHERE p.client_id = c.client_id) AS approval`

type Given = Pick<NewClient, 'mode' | 'lists'>

const givesPermissions = ({ mode, lists: { scopes, grantTypes, endorsements } }: Given) =>
  mode === 'authorize' && [scopes, grantTypes, endorsements].some((list) => (list ?? []).length > 0)

const isApproval = (change: ClientChange) =>
  change.kind === 'authorize' || (change.kind === 'update' && givesPermissions(change))

/** The statements at the end of a batch that gives a permission. */
export const approvalStatements = (
  db: Database,
  clientId: string,
  given: ClientChange | Given,
  { actor, now }: Authorship,
) => {
  const isGiven = 'kind' in given ? isApproval(given) : givesPermissions(given)
  return isGiven ? [bound(db, KEEP_APPROVAL, clientId, now, actor)] : []
}
