/**
 * What housekeeping removes: for each table a statement that removes a limited number of rows, and one that records it.
 * `?1` is the moment, in epoch seconds, up to which rows are due.
 */

import { HOUSEKEEPING_ACTOR } from '../domain/audit.ts'
import { FORGET_DOCUMENT_SECONDS } from '../domain/client-document.ts'
import { FORGET_CONSENT_SECONDS } from '../domain/consent.ts'
import { FORGET_FAILURES_SECONDS } from '../domain/lockout.ts'
import { REGISTRATION_DAY_SECONDS } from '../domain/registration.ts'
import { KEEP_DELIVERY_SECONDS } from '../domain/webhook.ts'
import { KEEP_EXPIRED_CODES_SECONDS } from './codes.ts'
import { D1_NOW } from './database.ts'
import type { Sweep } from './housekeeping.ts'
import { KEEP_REFUSALS_SECONDS } from './refusals.ts'
import { KEPT_LONGER_SECONDS } from './revocation-statements.ts'
import { UNUSED_REGISTRATIONS } from './unused-registrations.ts'

const DAY_SECONDS = 86_400

/** Removes the oldest rows first. The index by time finds them, so no position is needed. */
const byTime = (task: string, key: string, time: string, keepSeconds = 0): Sweep => ({
  task,
  keepSeconds,
  remove: `DELETE FROM ${task} WHERE (${key}) IN
    (SELECT ${key} FROM ${task} WHERE ${time} <= ?1 ORDER BY ${time} LIMIT ?2)`,
  left: `SELECT 1 FROM ${task} WHERE ${time} <= ?1`,
})

const EXPIRED_TOKENS = `refresh_family f CROSS JOIN refresh_token t ON t.family_id = f.family_id
  WHERE f.expires_at <= ?1`

/** Tokens are removed before their family: ON DELETE CASCADE would remove any number of tokens at once. */
const refreshTokens: Sweep = {
  task: 'refresh_token',
  keepSeconds: 0,
  remove: `DELETE FROM refresh_token WHERE token_digest IN
    (SELECT t.token_digest FROM ${EXPIRED_TOKENS} ORDER BY f.expires_at LIMIT ?2)`,
  left: `SELECT 1 FROM ${EXPIRED_TOKENS}`,
}
const refreshFamilies: Sweep = {
  ...byTime('refresh_family', 'family_id', 'expires_at'),
  remove: `DELETE FROM refresh_family WHERE family_id IN (SELECT f.family_id FROM refresh_family f
    WHERE f.expires_at <= ?1 AND NOT EXISTS (SELECT 1 FROM refresh_token t WHERE t.family_id = f.family_id)
    ORDER BY f.expires_at LIMIT ?2)`,
}

const AFTER_POSITION = `(user_id, client_id) > (?3 ->> 0, ?3 ->> 1) ORDER BY user_id, client_id`
/** Walks over the primary key again and again. A consent with a code or a family stays, so that its user can remove it. */
const consents: Sweep = {
  task: 'consent',
  keepSeconds: FORGET_CONSENT_SECONDS,
  advance: `INSERT INTO housekeeping (task, position, ran_at, removed, left_over) VALUES ('consent',
      (SELECT json_array(user_id, client_id) FROM consent WHERE ${AFTER_POSITION} LIMIT 1 OFFSET ?2 - 1), ?1, 0, 0)
    ON CONFLICT DO UPDATE SET position = excluded.position,
      removed = iif(ran_at = excluded.ran_at, removed, 0), ran_at = excluded.ran_at`,
  remove: `WITH slice AS (SELECT * FROM consent WHERE ${AFTER_POSITION} LIMIT ?2)
    DELETE FROM consent WHERE (user_id, client_id) IN (SELECT user_id, client_id FROM slice
      WHERE max(slice.granted_at, coalesce(slice.used_at, 0)) <= ?1
        AND NOT EXISTS (SELECT 1 FROM authorization_code a WHERE a.user_id = slice.user_id AND a.client_id = slice.client_id)
        AND NOT EXISTS (SELECT 1 FROM refresh_family f WHERE f.user_id = slice.user_id AND f.client_id = slice.client_id))`,
  left: 'SELECT 1 WHERE ?1 IS NULL',
  due: `SELECT 1 FROM consent WHERE user_id > ''`,
}

/** When a host of client metadata documents was last asked, in epoch milliseconds. */
const documentAttempts: Sweep = {
  task: 'document_attempt',
  keepSeconds: DAY_SECONDS,
  remove: `DELETE FROM document_attempt WHERE host IN (SELECT host FROM document_attempt
    WHERE attempted_at_ms <= ?1 * 1000 ORDER BY attempted_at_ms LIMIT ?2)`,
  left: 'SELECT 1 FROM document_attempt WHERE attempted_at_ms <= ?1 * 1000',
}

/** A client that an operator disabled stays: its document would register it again. `due`: SQL for the moment. */
const unusedDocuments = (due: string) => `SELECT client_id FROM (
    SELECT s.client_id FROM self_registered_client s WHERE s.kind = 'document' AND s.used_at <= ${due}
    UNION ALL SELECT s.client_id FROM self_registered_client s
      WHERE s.kind = 'document' AND s.used_at IS NULL AND s.created_at <= ${due}) d
  WHERE NOT EXISTS (SELECT 1 FROM client c WHERE c.client_id = d.client_id AND c.disabled_at IS NOT NULL)`
/** Deletes an unused client of a document and all that it has. Its sessions ended before. Each client has an audit row. */
const documentClients: Sweep = {
  task: 'client_document',
  keepSeconds: FORGET_DOCUMENT_SECONDS,
  before: [
    `INSERT INTO audit (happened_at, actor, event, client_id, detail)
    SELECT ${D1_NOW}, '${HOUSEKEEPING_ACTOR}', 'client.delete', client_id, json_object('unused_days', ${FORGET_DOCUMENT_SECONDS / DAY_SECONDS})
    FROM (${unusedDocuments('?1')} ORDER BY client_id LIMIT ?2)`,
  ],
  remove: `DELETE FROM client WHERE client_id IN (${unusedDocuments('?1')} ORDER BY client_id LIMIT ?2)`,
  left: unusedDocuments('?1'),
}

export const sweepsOf = (auditKeepDays: number): readonly Sweep[] => [
  byTime('authorization_code', 'code_digest', 'expires_at', KEEP_EXPIRED_CODES_SECONDS),
  refreshTokens,
  refreshFamilies,
  byTime('revocation', 'kind, subject', 'expires_at'),
  // Cron's clock may be ahead of the clock of a Worker that receives the proof or assertion again.
  byTime('used_jti', 'jti_digest', 'expires_at', KEPT_LONGER_SECONDS),
  byTime('refusal', 'refusal_id', 'refused_at', KEEP_REFUSALS_SECONDS),
  byTime('sign_in_failure', 'subject', 'last_failed_at', FORGET_FAILURES_SECONDS),
  // A use of the invitation that is under way must find the row, whose trigger refuses the use.
  byTime('invitation', 'invitation_digest', 'expires_at', DAY_SECONDS),
  byTime('external_user', 'user_id', 'seen_at', FORGET_CONSENT_SECONDS),
  documentAttempts,
  documentClients,
  byTime('audit', 'audit_id', 'happened_at', auditKeepDays * DAY_SECONDS),
  consents,
  // Events that could not be delivered.
  byTime('webhook_delivery', 'webhook_id', 'created_at', KEEP_DELIVERY_SECONDS),
  byTime('registration_count', 'subject', 'began_at', REGISTRATION_DAY_SECONDS),
  ...UNUSED_REGISTRATIONS,
]
