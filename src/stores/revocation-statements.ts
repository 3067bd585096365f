/**
 * The statements of a revocation, for the caller's batch. D1 dates the revocation in that transaction, so the date depends on
 * no caller's clock and never lies in the future. The row in `revocation` is written last, so that it covers sessions that
 * were opened before.
 */

import {
  CLOCKS_DIFFER_SECONDS,
  consentSubject,
  type Ended,
  MAX_REVOKED_TOKENS,
  type RevocationKind,
  SIGNED_KEY_LENGTH,
  type SingleKind,
  UNDER_WAY_SECONDS,
} from '../domain/revocation.ts'
import { bound, D1_NOW, D1_NOW_MS, type Database } from './database.ts'

/** The CAST is needed because every parameter is text over D1's HTTP API. */
export const keptFor = (seconds: string) => `${D1_NOW} + CAST(${seconds} AS INTEGER)`
/** A later revocation of the same subject covers an earlier one. */
const OR_LATER = `ON CONFLICT DO UPDATE SET revoked_at_ms = max(revoked_at_ms, excluded.revoked_at_ms),
    expires_at = max(expires_at, excluded.expires_at)`
/** `kind`, `subject` and `expiry` are SQL over `rows`. */
export const revokeSql = (kind: string, subject: string, expiry: string, rows: string) =>
  `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at)
  SELECT ${kind}, ${subject}, ${D1_NOW_MS}, ${expiry} FROM ${rows} ${OR_LATER}`
export const REVOKE = revokeSql('?1', 'value', keptFor('?3'), 'json_each(?2) WHERE true')
const ARE_TOO_MANY = `(SELECT count(*) FROM revocation WHERE kind = 'token') >= ${MAX_REVOKED_TOKENS}`
/**
 * Revokes single signed tokens. If too many are revoked already, a wider revocation replaces them, so that the list stops
 * growing: the subject `?5` of the kind `?4`, unless `?4` is NULL, as for an administrator. `?2` and `?3`: how long the
 * revocation of a session and of a signed token is kept.
 */
export const REVOKE_TOKENS = `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at)
  SELECT iif(is_full, ?4, 'token'), iif(is_full, ?5, value), ${D1_NOW_MS},
    iif(is_full, ${keptFor('?2')}, ${keptFor('?3')})
  FROM json_each(?1), (SELECT ?4 IS NOT NULL AND ${ARE_TOO_MANY} AS is_full) WHERE true ${OR_LATER}`
const IS_SIGNED = `length(session_key) = ${SIGNED_KEY_LENGTH}`
/** Tokens that were issued earlier have ended. */
const KEPT_FOR = `iif(${IS_SIGNED}, CAST(?3 AS INTEGER), CAST(?2 AS INTEGER))`
const OF_FAMILY = `refresh_token WHERE family_id = ?1 AND issued_at > ${D1_NOW} - ${KEPT_FOR}`
/** Works as `REVOKE_TOKENS` for signed tokens: beyond the limit everything that the user allowed the client ends. */
export const REVOKE_SESSIONS_OF_FAMILY = `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at)
  SELECT iif(${IS_SIGNED}, iif(is_full, 'consent', 'token'), 'session'), iif(${IS_SIGNED} AND is_full,
      (SELECT user_id || ' ' || client_id FROM refresh_family WHERE family_id = ?1), session_key),
    ${D1_NOW_MS}, iif(is_full, ${keptFor('?2')}, ${D1_NOW} + ${KEPT_FOR})
  FROM (SELECT session_key FROM ${OF_FAMILY}), (SELECT ${ARE_TOO_MANY} AS is_full) WHERE true ${OR_LATER}`
export const SESSIONS_OF_FAMILY = `SELECT session_key FROM ${OF_FAMILY}`

export const endFamilies = (whose: string) =>
  `UPDATE refresh_family SET ended_at = ${D1_NOW} WHERE ${whose} AND ended_at IS NULL`
/** Marks a code that was not redeemed as spent, for no session. */
export const voidCodes = (whose: string) =>
  `UPDATE authorization_code SET spent_at = ${D1_NOW}, session_key = '' WHERE ${whose} AND spent_at IS NULL`
const OF_CLIENT = 'client_id = ?1'
const OF_USER = 'user_id = ?1'
const OF_CONSENT = 'user_id = ?1 AND client_id = ?2'
export const END_FAMILY = endFamilies('family_id = ?1')
export const END_FAMILIES_OF_CLIENT = endFamilies(OF_CLIENT)
export const END_FAMILIES_OF_USER = endFamilies(OF_USER)
export const END_FAMILIES_OF_CONSENT = endFamilies(OF_CONSENT)
export const VOID_CODES_OF_CLIENT = voidCodes(OF_CLIENT)
export const VOID_CODES_OF_USER = voidCodes(OF_USER)
export const VOID_CODES_OF_CONSENT = voidCodes(OF_CONSENT)

export type Revoked =
  | Readonly<{ kind: 'client' | 'client_record'; clientId: string }>
  | Readonly<{ kind: 'user'; userId: string }>
  | Readonly<{ kind: 'consent'; userId: string; clientId: string }>

const EVERYTHING: readonly Ended[] = ['families', 'codes', 'sessions']
const STATEMENTS = {
  client: [END_FAMILIES_OF_CLIENT, VOID_CODES_OF_CLIENT],
  client_record: [END_FAMILIES_OF_CLIENT, VOID_CODES_OF_CLIENT],
  user: [END_FAMILIES_OF_USER, VOID_CODES_OF_USER],
  consent: [END_FAMILIES_OF_CONSENT, VOID_CODES_OF_CONSENT],
} as const satisfies Record<Revoked['kind'], readonly [string, string]>

function idsOf(revoked: Revoked): readonly string[] {
  switch (revoked.kind) {
    case 'user':
      return [revoked.userId]
    case 'consent':
      return [revoked.userId, revoked.clientId]
    default:
      return [revoked.clientId]
  }
}

/** How much longer a revocation is kept than a session lives. */
export const KEPT_LONGER_SECONDS = UNDER_WAY_SECONDS + CLOCKS_DIFFER_SECONDS
export const keptSeconds = (lifetimeSeconds: number) => lifetimeSeconds + KEPT_LONGER_SECONDS

/**
 * Ends what `ended` names of the subject when the batch commits, including a session that a request under way stores later.
 * There is no condition: for what depends on the rows, see `narrowing.ts`. `lifetimeSeconds`: the longest life of a session
 * that the revocation covers.
 */
export function revocationStatements(
  db: Database,
  revoked: Revoked,
  lifetimeSeconds: number,
  ended: readonly Ended[] = EVERYTHING,
): D1PreparedStatement[] {
  const ids = idsOf(revoked)
  const subject =
    revoked.kind === 'consent' ? consentSubject(revoked.userId, revoked.clientId) : ids[0]
  const [families, codes] = STATEMENTS[revoked.kind]
  const statements = {
    families: bound(db, families, ...ids),
    codes: bound(db, codes, ...ids),
    sessions: revokeStatement(db, revoked.kind, [subject ?? ''], lifetimeSeconds),
  }
  return EVERYTHING.filter((one) => ended.includes(one)).map((one) => statements[one])
}

/** Revokes only sessions: one statement serves any number of subjects. */
export const revokeStatement = (
  db: Database,
  kind: RevocationKind | SingleKind,
  subjects: readonly string[],
  lifetimeSeconds: number,
) => bound(db, REVOKE, kind, JSON.stringify(subjects), keptSeconds(lifetimeSeconds))
