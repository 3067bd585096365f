/** Authorization codes: KV carries their data; the ledger in D1 alone decides which request redeems a code. */

import type { AuthorizationCode } from '../domain/authorization-code.ts'
import type { TokenDigest } from '../domain/ids.ts'
import { type GrantedAudience, NO_AUDIENCE } from '../domain/resource.ts'
import { restsOn, revokedSince } from './authorizations.ts'
import { FIND_CLIENT, findParameters, readClientRow } from './clients.ts'
import { bound, D1_NOW, type Database, firstIn, type Namespace, rowsIn } from './database.ts'
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

export const FIND_CODE = `SELECT record FROM authorization_code WHERE code_digest = ?1`
/**
 * Exactly one of several simultaneous calls gets a row. A repeated call for the same session gets the row again, so that a
 * call whose response was lost can be repeated.
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
/** Runs in the same batch, and has an effect only for the call that won. */
export const USE_PROOF_FOR_CODE = `INSERT INTO used_jti (jti_digest, expires_at)
  SELECT ?3, ?4 FROM authorization_code WHERE code_digest = ?1 AND session_key = ?2 ON CONFLICT DO NOTHING`
/** Runs in the same batch, and has an effect only for the call that won. */
export const INSERT_FAMILY = `INSERT INTO refresh_family
    (family_id, client_id, user_id, record, started_at, last_used_at, expires_at, idle_expires_at)
  SELECT ?3, client_id, user_id, ?4, ?5, ?5, ?6, ${D1_NOW} + ?7 FROM authorization_code WHERE code_digest = ?1 AND session_key = ?2
  ON CONFLICT DO NOTHING`
export const INSERT_FIRST_TOKEN = `INSERT INTO refresh_token (token_digest, family_id, session_key, issued_at)
  SELECT ?3, family_id, session_key, ?4 FROM authorization_code WHERE code_digest = ?1 AND session_key = ?2
  ON CONFLICT DO NOTHING`
export const TOUCH_CONSENT = `UPDATE consent SET used_at = ?3 WHERE (user_id, client_id) =
  (SELECT user_id, client_id FROM authorization_code WHERE code_digest = ?1 AND session_key = ?2)`
export const FIND_SPENDING = `SELECT spent_at AS spentAt, session_key AS sessionKey, family_id AS familyId,
    ${USER_JSON('authorization_code.user_id')} AS user
  FROM authorization_code WHERE code_digest = ?1`
/** Does nothing if one of `?3` was revoked after `?4`: the revocation voided the code, which must not become valid again. */
export const UNSPEND_CODE = `UPDATE authorization_code SET spent_at = NULL, session_key = NULL, family_id = NULL
  WHERE code_digest = ?1 AND session_key = ?2 AND NOT ${revokedSince('?3', '?4')}`
export const DELETE_FAMILY = `DELETE FROM refresh_family WHERE family_id = ?1`
/** A spent code is kept this long after its expiry, so that a late replay still revokes the tokens of the first use. */
export const KEEP_EXPIRED_CODES_SECONDS = 86_400

async function spendStatements(
  db: Database,
  codeDigest: TokenDigest,
  { sessionKey, family, terms }: Purchase,
  now: number,
): Promise<D1PreparedStatement[]> {
  const familyId = family?.family.familyId ?? null
  const spend = bound(db, SPEND_CODE, codeDigest, now, sessionKey, familyId, await termsJson(terms))
  const statements = [spend, bound(db, TOUCH_CONSENT, codeDigest, sessionKey, now)]
  if (terms.proof) {
    const { expiresAt } = terms.proof
    const used = await proofDigest(terms)
    statements.push(bound(db, USE_PROOF_FOR_CODE, codeDigest, sessionKey, used, expiresAt))
  }
  if (family) {
    const { expiresAt } = family.family
    const record = familyRecord(family.family)
    const ends = [expiresAt, family.idleSeconds]
    statements.push(
      bound(db, INSERT_FAMILY, codeDigest, sessionKey, familyId, record, now, ...ends),
      bound(db, INSERT_FIRST_TOKEN, codeDigest, sessionKey, family.tokenDigest, now),
    )
  }
  return statements
}

type SpendingRow = Omit<Extract<Spending, { kind: 'again' }>, 'kind' | 'spentAt'> &
  Readonly<{ spentAt: number | null; user: string | null }>

async function whyNotSpent(
  db: Database,
  codeDigest: TokenDigest,
  { clientId, terms }: Purchase,
): Promise<Exclude<Spending, { kind: 'won' }>> {
  const [spending, client, proof] = await db.batch([
    bound(db, FIND_SPENDING, codeDigest),
    bound(db, FIND_CLIENT, ...findParameters(clientId)),
    bound(db, FIND_JTI, await proofDigest(terms)),
  ])
  const [row] = rowsIn<SpendingRow>(spending)
  if (!row) return { kind: 'unknown' }
  // The proof is checked first, because a repeated proof does not show that the caller holds the key.
  if (proof?.results.length) return { kind: 'proof_used' }
  const { spentAt, sessionKey, familyId, user } = row
  if (spentAt !== null) return { kind: 'again', spentAt, sessionKey, familyId }
  return { kind: 'withdrawn', client: firstIn(client, readClientRow), user: readUserJson(user) }
}

/** A code that was stored before audiences existed has no audience. */
const readCode = (record: string): AuthorizationCode => ({
  ...NO_AUDIENCE,
  ...(JSON.parse(record) as Omit<AuthorizationCode, keyof GrantedAudience>),
})

export type CodeStore = ReturnType<typeof codeStore>

export const codeStore = (db: Database, codes: Namespace) => ({
  /** Null if the code is absent, expired, or not visible here yet: KV may lag by a minute. A used code may be found. */
  async findCarried(codeDigest: TokenDigest): Promise<AuthorizationCode | null> {
    const record = await codes.get(codeDigest)
    return record === null ? null : readCode(record)
  },
  /** Reads D1, spent codes included. Null only if no such code was issued, or if it expired long ago. */
  async findOnLedger(codeDigest: TokenDigest): Promise<AuthorizationCode | null> {
    const row = await bound(db, FIND_CODE, codeDigest).first<{ record: string }>()
    return row && readCode(row.record)
  },
  /** Atomic. Exactly one of several simultaneous calls returns `won`, and only its family is created. */
  async spend(codeDigest: TokenDigest, purchase: Purchase, now: number): Promise<Spending> {
    const [outcome] = await db.batch(await spendStatements(db, codeDigest, purchase, now))
    const held = firstIn(outcome, readHeldNow)
    return held ? { kind: 'won', ...held } : whyNotSpent(db, codeDigest, purchase)
  },
  /** Undoes only the spending by this purchase. Does nothing if a record behind the code was revoked since `asOfMs`. */
  async unspend(codeDigest: TokenDigest, purchase: Purchase): Promise<void> {
    const { sessionKey, family, userId, clientId, asOfMs } = purchase
    await db.batch([
      bound(db, UNSPEND_CODE, codeDigest, sessionKey, restsOn(userId, clientId), asOfMs),
      bound(db, DELETE_FAMILY, family?.family.familyId ?? ''),
    ])
  },
  /** Removes the code from KV. A lost write is harmless: the ledger decides. */
  forget: (codeDigest: TokenDigest) => codes.delete(codeDigest),
})
