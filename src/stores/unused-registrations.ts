/**
 * Clients that registered themselves by a request and are not used, and what housekeeping does to them. `?1` is the moment up
 * to which they are due, `?2` the most clients. All statements of a sweep are one batch, so that each of them sees the same
 * clients.
 */

import { HOUSEKEEPING_ACTOR } from '../domain/audit.ts'
import {
  DELETE_UNUSED_SECONDS,
  DISABLE_UNUSED_SECONDS,
  KEEP_NEVER_USED_SECONDS,
} from '../domain/registration.ts'
import { NEXT_VERSION } from './change-batch.ts'
import { D1_NOW } from './database.ts'
import type { Sweep } from './housekeeping.ts'

/** Leaves out a client that an operator has just approved or changed: the client had no time to be used yet. */
const NEVER_USED = `self_registered_client s CROSS JOIN client c ON c.client_id = s.client_id
  WHERE s.kind = 'registration' AND s.used_at IS NULL AND s.created_at <= ?1 AND c.updated_at <= ?1`
const NOT_USED = `self_registered_client s CROSS JOIN client c ON c.client_id = s.client_id
  WHERE s.kind = 'registration' AND s.unused_at IS NULL AND s.used_at <= ?1 AND c.updated_at <= ?1`
/** Refresh tokens are removed first, by sweeps of their own: ON DELETE CASCADE would remove any number at once. */
const UNUSED = `self_registered_client s WHERE s.unused_at <= ?1
    AND NOT EXISTS (SELECT 1 FROM refresh_family f WHERE f.client_id = s.client_id)`

const dueOf = (which: string, order: string) =>
  `(SELECT s.client_id FROM ${which} ORDER BY ${order} LIMIT ?2)`

const auditOf = (event: string, due: string) =>
  `INSERT INTO audit (happened_at, actor, event, client_id, detail)
  SELECT ${D1_NOW}, '${HOUSEKEEPING_ACTOR}', '${event}', client_id, json_object('name', name, 'unused', json('true'))
  FROM client WHERE client_id IN ${due}`

const deletion = (task: string, keepSeconds: number, which: string, order: string): Sweep => {
  const due = dueOf(which, order)
  return {
    task,
    keepSeconds,
    before: [auditOf('client.delete', due)],
    remove: `DELETE FROM client WHERE client_id IN ${due}`,
    left: `SELECT 1 FROM ${which}`,
  }
}

/** Disables a client that got no token for so long that it has no live access token. */
const disabling = (): Sweep => {
  const due = dueOf(NOT_USED, 's.used_at')
  return {
    task: 'unused_registration',
    keepSeconds: DISABLE_UNUSED_SECONDS,
    before: [
      auditOf('client.disable', due),
      `UPDATE refresh_family SET ended_at = ${D1_NOW} WHERE ended_at IS NULL AND client_id IN ${due}`,
      `UPDATE client SET disabled_at = coalesce(disabled_at, ${D1_NOW}), version = ${NEXT_VERSION} WHERE client_id IN ${due}`,
    ],
    remove: `UPDATE self_registered_client SET unused_at = ${D1_NOW} WHERE client_id IN ${due}`,
    left: `SELECT 1 FROM ${NOT_USED}`,
  }
}

export const UNUSED_REGISTRATIONS: readonly Sweep[] = [
  deletion('never_used_registration', KEEP_NEVER_USED_SECONDS, NEVER_USED, 's.created_at'),
  disabling(),
  deletion('disabled_registration', DELETE_UNUSED_SECONDS, UNUSED, 's.unused_at'),
]
