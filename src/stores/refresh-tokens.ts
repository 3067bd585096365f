/** Refresh tokens in D1: families of tokens, in which each token is spent once for its successor. */

import type { ClientId, TokenDigest } from '../domain/ids.ts'
import { type GrantedAudience, NO_AUDIENCE } from '../domain/resource.ts'
import { formatScopes, splitScopes } from '../domain/scope.ts'
import { FIND_CLIENT, findParameters, readClientRow } from './clients.ts'
import { bound, D1_NOW, type Database, firstIn } from './database.ts'
import type {
  NewRefreshToken,
  RefreshFamily,
  RefreshTokenStanding,
  Rotation,
  Successor,
} from './spending-ports.ts'
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

/** The part of the grant that a family stores as JSON. */
type FamilyRecord = Pick<
  RefreshFamily,
  'user' | 'redirectUri' | 'jkt' | 'authTime' | keyof GrantedAudience
>

type StandingRow = Omit<RefreshTokenStanding, 'family' | 'successor' | 'user'> &
  Omit<RefreshFamily, keyof FamilyRecord> &
  Readonly<{ record: string; successor: string | null; user: string | null }>

/** SQL: when the family `f` ends, by its absolute or its idle lifetime. */
export const FAMILY_END = 'min(f.expires_at, coalesce(f.idle_expires_at, f.expires_at))'
const FAMILY_LIVES = `f.ended_at IS NULL AND ${FAMILY_END} > ${D1_NOW}`

export const FIND_REFRESH_TOKEN = `SELECT f.family_id AS familyId, f.client_id AS clientId, f.record,
    ${FAMILY_END} AS expiresAt, f.ended_at AS endedAt, ${D1_NOW} AS readAt, t.issued_at AS issuedAt, t.spent_at AS spentAt,
    t.salt, ${USER_JSON('f.user_id')} AS user,
    (SELECT json_object('tokenDigest', s.token_digest, 'salt', s.salt, 'scopes', s.scopes, 'resources', s.resources,
      'issuedAt', s.issued_at, 'isSpent', s.spent_at IS NOT NULL) FROM refresh_token s WHERE s.token_digest = t.successor) AS successor
  FROM refresh_token t JOIN refresh_family f ON f.family_id = t.family_id WHERE t.token_digest = ?1`
const ofFamily = (column: string) =>
  `(SELECT f.${column} FROM refresh_family f WHERE f.family_id = refresh_token.family_id)`
/** SQL: the family `f` of the token, while `terms` hold. */
const familyStillGranted = (terms: string) =>
  `${stillGranted({
    from: 'refresh_family f',
    clientId: 'f.client_id',
    userId: 'f.user_id',
    terms,
    grantType: 'refresh_token',
  })} AND f.family_id = refresh_token.family_id`
/** Exactly one of several simultaneous calls gets a row. A repeated call for the same successor gets the row again. */
export const SPEND_REFRESH_TOKEN = `UPDATE refresh_token SET spent_at = ?2, successor = ?3, salt = NULL
  WHERE token_digest = ?1
    AND EXISTS (SELECT 1 FROM refresh_family f WHERE f.family_id = refresh_token.family_id AND ${FAMILY_LIVES})
    AND (successor = ?3 OR (spent_at IS NULL AND EXISTS (${familyStillGranted('?4')})))
  RETURNING ${heldNow(ofFamily('client_id'), ofFamily('user_id'))}`
/** Runs in the same batch, and has an effect only for the call that won. */
export const USE_PROOF_FOR_TOKEN = `INSERT INTO used_jti (jti_digest, expires_at)
  SELECT ?3, ?4 FROM refresh_token WHERE token_digest = ?1 AND successor = ?2 ON CONFLICT DO NOTHING`
/** Runs in the same batch, and has an effect only for the call that won. */
export const INSERT_SUCCESSOR = `INSERT INTO refresh_token
    (token_digest, family_id, session_key, issued_at, salt, scopes, resources)
  SELECT ?2, family_id, ?3, ${D1_NOW}, ?4, ?5, ?6 FROM refresh_token WHERE token_digest = ?1 AND successor = ?2
  ON CONFLICT DO NOTHING`
/**
 * Counts one more answer with the same successor, if the successor is unused and may still be issued. Does nothing if the
 * access token would have another format than before, because the end of the family would not end such a token.
 */
export const REPEAT_SUCCESSOR = `UPDATE refresh_token SET answers = answers + 1
  WHERE token_digest = ?1 AND spent_at IS NULL AND session_key = ?3
    AND EXISTS (${familyStillGranted('?2')} AND ${FAMILY_LIVES})
  RETURNING ${heldNow(ofFamily('client_id'), ofFamily('user_id'))}`
export const USE_PROOF_FOR_REPETITION = `INSERT INTO used_jti (jti_digest, expires_at)
  SELECT ?1, ?2 WHERE changes() > 0 ON CONFLICT DO NOTHING`
/** Has an effect only for the call that won: a refused request does not prolong a family's life. */
export const TOUCH_FAMILY = `UPDATE refresh_family SET last_used_at = ?5, idle_expires_at = ${D1_NOW} + ?3
  WHERE family_id = ?1 AND EXISTS (SELECT 1 FROM refresh_token t WHERE t.token_digest = ?4 AND t.successor = ?2)`
/** Has an effect only for the call that won, and only for an unbound family (RFC 9449 §5). */
export const BIND_FAMILY = `UPDATE refresh_family SET record = json_set(record, '$.jkt', ?3)
  WHERE family_id = ?1 AND record ->> '$.jkt' IS NULL
    AND EXISTS (SELECT 1 FROM refresh_token t WHERE t.token_digest = ?4 AND t.successor = ?2)`
export const TAKE_BACK_ANSWER = `UPDATE refresh_token SET answers = answers - 1 WHERE token_digest = ?1`
/** Does nothing if another request has answered, or is about to answer, with the same successor. */
export const UNSPEND_REFRESH_TOKEN = `UPDATE refresh_token SET spent_at = NULL, successor = NULL, salt = ?3
  WHERE token_digest = ?1 AND successor = ?2 AND NOT EXISTS
    (SELECT 1 FROM refresh_token s WHERE s.token_digest = ?2 AND (s.answers > 0 OR s.spent_at IS NOT NULL))`
export const DELETE_SUCCESSOR = `DELETE FROM refresh_token WHERE token_digest = ?1 AND answers <= 0 AND spent_at IS NULL`

export const familyRecord = (family: RefreshFamily): string => {
  const { user, redirectUri, jkt, authTime, audience, audienceReadAtMs } = family
  const record: FamilyRecord = { user, redirectUri, jkt, authTime, audience, audienceReadAtMs }
  return JSON.stringify(record)
}

/** A family that was stored before audiences existed has no audience. */
function readStanding(row: StandingRow): RefreshTokenStanding {
  const { familyId, clientId, record, expiresAt, endedAt, successor, user, ...standing } = row
  const kept = JSON.parse(record) as Omit<FamilyRecord, keyof GrantedAudience>
  return {
    ...standing,
    family: { ...NO_AUDIENCE, ...kept, familyId, clientId, expiresAt, endedAt },
    successor: successor === null ? null : readSuccessor(successor),
    user: readUserJson(user),
  }
}

function readSuccessor(json: string): Successor {
  const found = JSON.parse(json) as Omit<Successor, 'isSpent' | 'derivation'> & {
    isSpent: number
    salt: string | null
    scopes: string | null
    resources: string | null
  }
  const { salt, scopes, resources, ...successor } = found
  // A token that is spent or was not derived has no salt.
  const derivation =
    salt === null || scopes === null
      ? null
      : { salt, scopes: splitScopes(scopes), resources: resources ?? '' }
  return { ...successor, isSpent: found.isSpent === 1, derivation }
}

async function whyLost(
  db: Database,
  tokenDigest: TokenDigest,
  clientId: ClientId,
  usedProof: string | null,
): Promise<Exclude<Rotation, { kind: 'won' }>> {
  const [token, client, proof] = await db.batch([
    bound(db, FIND_REFRESH_TOKEN, tokenDigest),
    bound(db, FIND_CLIENT, ...findParameters(clientId, { allowedWith: tokenDigest })),
    bound(db, FIND_JTI, usedProof),
  ])
  if (proof?.results.length) return { kind: 'proof_used' }
  const standing = firstIn(token, readStanding)
  return { kind: 'lost', standing, client: firstIn(client, readClientRow) }
}

export type RefreshTokenStore = ReturnType<typeof refreshTokenStore>

export const refreshTokenStore = (db: Database) => ({
  /** Null if the token was never issued, or if it expired long ago. Reads the primary. */
  async find(tokenDigest: TokenDigest): Promise<RefreshTokenStanding | null> {
    const row = await bound(db, FIND_REFRESH_TOKEN, tokenDigest).first<StandingRow>()
    return row && readStanding(row)
  },

  /** Atomic: spends one token for another. Exactly one of several simultaneous calls returns `won`. */
  async rotate(
    tokenDigest: TokenDigest,
    { familyId, clientId }: Pick<RefreshFamily, 'familyId' | 'clientId'>,
    successor: NewRefreshToken,
    now: number,
  ): Promise<Rotation> {
    const { sessionKey, jkt, salt, resources, terms, idleSeconds } = successor
    const next = successor.tokenDigest
    const scopes = formatScopes(terms.scopes)
    const statements = [
      bound(db, SPEND_REFRESH_TOKEN, tokenDigest, now, next, await termsJson(terms)),
      bound(db, INSERT_SUCCESSOR, tokenDigest, next, sessionKey, salt, scopes, resources),
      bound(db, TOUCH_FAMILY, familyId, next, idleSeconds, tokenDigest, now),
    ]
    if (jkt !== null) {
      statements.push(bound(db, BIND_FAMILY, familyId, next, jkt, tokenDigest))
    }
    const used = await proofDigest(terms)
    if (terms.proof) {
      const { expiresAt } = terms.proof
      statements.push(bound(db, USE_PROOF_FOR_TOKEN, tokenDigest, next, used, expiresAt))
    }
    const [spent] = await db.batch(statements)
    const held = firstIn(spent, readHeldNow)
    return held ? { kind: 'won', ...held } : whyLost(db, tokenDigest, clientId, used)
  },

  /** Records one more answer with the successor. Returns `won` only if it is unused, its family lives and the terms hold. */
  async repeat(
    tokenDigest: TokenDigest,
    { clientId }: Pick<RefreshFamily, 'clientId'>,
    { tokenDigest: next, sessionKey, terms }: NewRefreshToken,
  ): Promise<Rotation> {
    const used = await proofDigest(terms)
    const statements = [bound(db, REPEAT_SUCCESSOR, next, await termsJson(terms), sessionKey)]
    if (terms.proof) {
      statements.push(bound(db, USE_PROOF_FOR_REPETITION, used, terms.proof.expiresAt))
    }
    const [repeated] = await db.batch(statements)
    const held = firstIn(repeated, readHeldNow)
    return held ? { kind: 'won', ...held } : whyLost(db, tokenDigest, clientId, used)
  },

  /** Takes back one answer with this successor. If it was the only one, the token is unspent again, with its own `salt`. */
  async unrotate(
    tokenDigest: TokenDigest,
    { tokenDigest: next }: NewRefreshToken,
    salt: string | null,
  ): Promise<void> {
    await db.batch([
      bound(db, TAKE_BACK_ANSWER, next),
      bound(db, UNSPEND_REFRESH_TOKEN, tokenDigest, next, salt),
      bound(db, DELETE_SUCCESSOR, next),
    ])
  },
})
