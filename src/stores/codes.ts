/** Authorization codes: KV carries them, the ledger in D1 alone decides which request redeems one. */

import { userActor } from '../domain/audit.ts'
import type { AuthorizationCode } from '../domain/authorization-code.ts'
import { type Consent, FORGET_CONSENT_SECONDS, WITHDRAWN_FINGERPRINT } from '../domain/consent.ts'
import type { ClientId, SessionKey, TokenDigest } from '../domain/ids.ts'
import { type GrantedAudience, NO_AUDIENCE } from '../domain/resource.ts'
import { consentSubject } from '../domain/revocation.ts'
import { recordStatement } from './audit.ts'
import { FIND_CLIENT, findParameters, readClientRow } from './clients.ts'
import {
  D1_NOW,
  type Database,
  firstIn,
  type Namespace,
  rowsIn,
  type TextWriter,
} from './database.ts'
import { rememberExternalUser } from './external-users.ts'
import { familyRecord } from './refresh-tokens.ts'
import type { Purchase, Spending } from './spending-ports.ts'
import {
  heldNow,
  proofDigest,
  readHeldNow,
  readUserJson,
  stillGranted,
  termsJson,
} from './still-granted.ts'
import { FIND_JTI } from './used-jtis.ts'
import { USER_JSON } from './users.ts'

const revokedSince = (subjects: string, sinceMs: string) => `EXISTS (
    SELECT 1 FROM json_each(${subjects}) j CROSS JOIN revocation r
    ON r.kind = j.value ->> 0 AND r.subject = j.value ->> 1 WHERE r.revoked_at_ms >= ${sinceMs})`
/**
 * The code is spent at once if one of the subjects in `?6` was revoked at or after `?7`, the moment of the first read for the
 * code: that revocation found no code to void.
 */
export const INSERT_CODE = `INSERT INTO authorization_code
    (code_digest, client_id, user_id, record, expires_at, spent_at, session_key)
  SELECT ?1, ?2, ?3, ?4, ?5, iif(is_over, ${D1_NOW}, NULL), iif(is_over, '', NULL)
  FROM (SELECT ${revokedSince('?6', '?7')} AS is_over)`
/**
 * The latest answer replaces the earlier one. `granted_at` stays that of the first answer, unless the consent was last used
 * before `?6`. Writes nothing if the code (`?7`) was spent at once: the user may have removed the consent meanwhile.
 */
export const REMEMBER_CONSENT = `INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at, resources, endorsements)
  SELECT ?1, ?2, ?3, ?4, ?5, ?8, ?9 FROM authorization_code WHERE code_digest = ?7 AND spent_at IS NULL
  ON CONFLICT DO UPDATE SET scopes = excluded.scopes, resources = excluded.resources,
    endorsements = excluded.endorsements, fingerprint = excluded.fingerprint,
    granted_at = iif(max(granted_at, coalesce(used_at, 0)) <= ?6, excluded.granted_at, granted_at)`
export const WITHDRAW_CONSENT = `UPDATE consent SET fingerprint = '${WITHDRAWN_FINGERPRINT}'
  WHERE user_id = ?1 AND client_id = ?2`
export const FIND_CODE = `SELECT record FROM authorization_code WHERE code_digest = ?1`
/**
 * Exactly one of several simultaneous calls gets a row. A repeated call for the same session gets the row again, so
 * a call whose answer was lost can be repeated.
 */
export const SPEND_CODE = `UPDATE authorization_code SET spent_at = ?2, session_key = ?3, family_id = ?4
  WHERE code_digest = ?1 AND (session_key = ?3 OR (spent_at IS NULL
    AND EXISTS (${stillGranted({
      from: 'client_redirect_uri r',
      clientId: 'authorization_code.client_id',
      userId: 'authorization_code.user_id',
      terms: '?5',
      grantType: 'authorization_code',
    })} AND r.client_id = c.client_id AND r.redirect_uri = ?5 ->> '$.redirectUri')))
  RETURNING ${heldNow('authorization_code.client_id', 'authorization_code.user_id')}`
/** Only for the winner, in the same batch. */
export const USE_PROOF_FOR_CODE = `INSERT INTO used_jti (jti_digest, expires_at)
  SELECT ?3, ?4 FROM authorization_code WHERE code_digest = ?1 AND session_key = ?2 ON CONFLICT DO NOTHING`
/** Only for the winner, in the same batch. */
export const INSERT_FAMILY = `INSERT INTO refresh_family
    (family_id, client_id, user_id, record, started_at, last_used_at, expires_at, idle_expires_at)
  SELECT ?3, client_id, user_id, ?4, ?5, ?5, ?6, ${D1_NOW} + ?7 FROM authorization_code WHERE code_digest = ?1 AND session_key = ?2
  ON CONFLICT DO NOTHING`
export const INSERT_FIRST_TOKEN = `INSERT INTO refresh_token (token_digest, family_id, session_key, issued_at)
  SELECT ?3, family_id, session_key, ?4 FROM authorization_code WHERE code_digest = ?1 AND session_key = ?2
  ON CONFLICT DO NOTHING`
export const TOUCH_CONSENT = `UPDATE consent SET used_at = ?3 WHERE (user_id, client_id) =
  (SELECT user_id, client_id FROM authorization_code WHERE code_digest = ?1 AND session_key = ?2)`
export const FIND_SPENDING = `SELECT spent_at, session_key, family_id, ${USER_JSON('authorization_code.user_id')} AS user
  FROM authorization_code WHERE code_digest = ?1`
/**
 * Does nothing if one of `?3` was revoked after `?4`, as in `INSERT_CODE`: the revocation voided the code, which must not become
 * valid again.
 */
export const UNSPEND_CODE = `UPDATE authorization_code SET spent_at = NULL, session_key = NULL, family_id = NULL
  WHERE code_digest = ?1 AND session_key = ?2 AND NOT ${revokedSince('?3', '?4')}`
export const DELETE_FAMILY = `DELETE FROM refresh_family WHERE family_id = ?1`
/** A spent code is kept this long after its expiry, so that a late replay still revokes the tokens of the first use. */
export const KEEP_EXPIRED_CODES_SECONDS = 86_400

/** What a code rests on: kinds and subjects of revocations, as JSON. */
const restsOn = (userId: string, clientId: string) =>
  JSON.stringify([
    ['client', clientId],
    ['client_record', clientId],
    ['user', userId],
    ['consent', consentSubject(userId, clientId)],
  ])

async function spendStatements(
  db: Database,
  codeDigest: TokenDigest,
  { sessionKey, family, terms }: Purchase,
  now: number,
): Promise<D1PreparedStatement[]> {
  const familyId = family?.family.familyId ?? null
  const spend = db
    .prepare(SPEND_CODE)
    .bind(codeDigest, now, sessionKey, familyId, await termsJson(terms))
  const statements = [spend, db.prepare(TOUCH_CONSENT).bind(codeDigest, sessionKey, now)]
  if (terms.proof) {
    const { expiresAt } = terms.proof
    const used = await proofDigest(terms)
    statements.push(db.prepare(USE_PROOF_FOR_CODE).bind(codeDigest, sessionKey, used, expiresAt))
  }
  if (family) {
    const { expiresAt } = family.family
    const record = familyRecord(family.family)
    const ends = [expiresAt, family.idleSeconds]
    statements.push(
      db.prepare(INSERT_FAMILY).bind(codeDigest, sessionKey, familyId, record, now, ...ends),
      db.prepare(INSERT_FIRST_TOKEN).bind(codeDigest, sessionKey, family.tokenDigest, now),
    )
  }
  return statements
}

type SpendingRow = {
  spent_at: number | null
  session_key: SessionKey
  family_id: string | null
  user: string | null
}

/** Why a code was not spent: reads every possible cause in one batch. */
async function whyNotSpent(
  db: Database,
  codeDigest: TokenDigest,
  { clientId, terms }: Purchase,
): Promise<Exclude<Spending, { kind: 'won' }>> {
  const [spending, client, proof] = await db.batch([
    db.prepare(FIND_SPENDING).bind(codeDigest),
    db.prepare(FIND_CLIENT).bind(...findParameters(clientId)),
    db.prepare(FIND_JTI).bind(await proofDigest(terms)),
  ])
  const [row] = rowsIn<SpendingRow>(spending)
  if (!row) return { kind: 'unknown' }
  // First: a repeated proof does not show that the caller holds the key.
  if (proof?.results.length) return { kind: 'proof_used' }
  const { spent_at: spentAt, session_key: sessionKey, family_id: familyId } = row
  if (spentAt !== null) return { kind: 'again', spentAt, sessionKey, familyId }
  const user = readUserJson(row.user)
  return { kind: 'withdrawn', client: firstIn(client, readClientRow), user }
}

/** A code from before audiences has none. */
const readCode = (record: string): AuthorizationCode => ({
  ...NO_AUDIENCE,
  ...(JSON.parse(record) as Omit<AuthorizationCode, keyof GrantedAudience>),
})

export type CodeStore = ReturnType<typeof codeStore>

export const codeStore = (db: Database, codes: Namespace) => ({
  /** From KV. Null if absent, expired, or not visible here yet: KV may lag by a minute. Says nothing about use. */
  async findCarried(codeDigest: TokenDigest): Promise<AuthorizationCode | null> {
    const record = await codes.get(codeDigest)
    return record === null ? null : readCode(record)
  },
  /** From D1, spent codes too. Null only if no such code was issued, or it expired long ago. */
  async findOnLedger(codeDigest: TokenDigest): Promise<AuthorizationCode | null> {
    const row = await db.prepare(FIND_CODE).bind(codeDigest).first<{ record: string }>()
    return row && readCode(row.record)
  },
  /** Atomic. Exactly one of several simultaneous calls returns `won`, and only its family is created. */
  async spend(codeDigest: TokenDigest, purchase: Purchase, now: number): Promise<Spending> {
    const [outcome] = await db.batch(await spendStatements(db, codeDigest, purchase, now))
    const held = firstIn(outcome, readHeldNow)
    return held ? { kind: 'won', ...held } : whyNotSpent(db, codeDigest, purchase)
  },
  /** Undoes the spending by this purchase and no other. Does nothing if a record that the code rests on was revoked since `asOfMs`. */
  async unspend(codeDigest: TokenDigest, purchase: Purchase): Promise<void> {
    const { sessionKey, family, userId, clientId, asOfMs } = purchase
    await db.batch([
      db.prepare(UNSPEND_CODE).bind(codeDigest, sessionKey, restsOn(userId, clientId), asOfMs),
      db.prepare(DELETE_FAMILY).bind(family?.family.familyId ?? ''),
    ])
  },
  /** Removes the code from KV. A lost write is harmless: the ledger decides. */
  forget: (codeDigest: TokenDigest) => codes.delete(codeDigest),
})

/** A consent that the user gave on the page in this request. */
export type GivenConsent = Consent &
  Readonly<{
    /** The scopes that the user unticked. */
    declined: readonly string[]
  }>

const asError = (fault: unknown) => (fault instanceof Error ? fault : new Error('unknown fault'))

export type AuthorizationStore = ReturnType<typeof authorizationStore>

export const authorizationStore = (db: Database, codes: TextWriter, usersAreExternal = false) => ({
  /**
   * Records a granted authorization. D1 gets, all or nothing: the code on the ledger and, if the consent was given now,
   * the consent in place of an earlier one and its audit row. KV gets the code too. Returns KV's fault if KV did not take
   * it: the ledger still redeems the code. `asOfMs`, by D1's clock: when the first record that the code rests on was read.
   * The code is void if one of these records was revoked since.
   */
  async grant(
    codeDigest: TokenDigest,
    code: AuthorizationCode,
    consent: GivenConsent | null,
    asOfMs: number,
  ): Promise<Error | null> {
    const record = JSON.stringify(code)
    const { clientId, issuedAt, expiresAt } = code
    const { userId } = code.user
    const seen = usersAreExternal ? [rememberExternalUser(db, code.user, issuedAt)] : []
    const insert = db
      .prepare(INSERT_CODE)
      .bind(codeDigest, clientId, userId, record, expiresAt, restsOn(userId, clientId), asOfMs)
    const remember = consent
      ? [
          db
            .prepare(REMEMBER_CONSENT)
            .bind(
              userId,
              clientId,
              consent.scopes,
              consent.fingerprint,
              issuedAt,
              issuedAt - FORGET_CONSENT_SECONDS,
              codeDigest,
              consent.resources,
              code.user.endorsements.join(' '),
            ),
          recordStatement(db, {
            happenedAt: issuedAt,
            actor: userActor(userId),
            event: 'consent.grant',
            clientId,
            userId,
            detail: {
              scopes: code.user.scopes,
              declined: consent.declined,
              endorsements: code.user.endorsements,
              ...(code.audience.length > 0 && { resources: code.audience }),
            },
          }),
        ]
      : []
    const [, kvFault] = await Promise.all([
      db.batch([insert, ...seen, ...remember]),
      codes
        .put(codeDigest, record, { expirationTtl: expiresAt - issuedAt })
        .then(() => null, asError),
    ])
    return kvFault
  },
  /** The remembered consent no longer answers a request. The user still sees it and can remove it. */
  async withdrawConsent(userId: string, clientId: ClientId): Promise<void> {
    await db.prepare(WITHDRAW_CONSENT).bind(userId, clientId).run()
  },
})
