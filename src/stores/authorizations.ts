/** Granted authorizations: the code in KV and on the ledger in D1, and the consent that the user gave. */

import { userActor } from '../domain/audit.ts'
import type { AuthorizationCode } from '../domain/authorization-code.ts'
import { type Consent, FORGET_CONSENT_SECONDS, WITHDRAWN_FINGERPRINT } from '../domain/consent.ts'
import type { ClientId, TokenDigest } from '../domain/ids.ts'
import { consentSubject } from '../domain/revocation.ts'
import { recordStatement } from './audit.ts'
import { bound, D1_NOW, type Database, type TextWriter } from './database.ts'
import { rememberExternalUser } from './external-users.ts'

/** The kinds and subjects of revocations that end a code, as JSON. */
export const restsOn = (userId: string, clientId: string) =>
  JSON.stringify([
    ['client', clientId],
    ['client_record', clientId],
    ['user', userId],
    ['consent', consentSubject(userId, clientId)],
  ])

/** SQL: was one of the subjects, in the form of `restsOn`, revoked at this moment or later? */
export const revokedSince = (subjects: string, sinceMs: string) => `EXISTS (
    SELECT 1 FROM json_each(${subjects}) j CROSS JOIN revocation r
    ON r.kind = j.value ->> 0 AND r.subject = j.value ->> 1 WHERE r.revoked_at_ms >= ${sinceMs})`
/**
 * The code counts as spent at once if one of the subjects in `?6` was revoked at or after `?7`, which is the moment of the
 * first read for the code. That revocation came before the code was stored, so it could not void the code.
 */
export const INSERT_CODE = `INSERT INTO authorization_code
    (code_digest, client_id, user_id, record, expires_at, spent_at, session_key)
  SELECT ?1, ?2, ?3, ?4, ?5, iif(is_over, ${D1_NOW}, NULL), iif(is_over, '', NULL)
  FROM (SELECT ${revokedSince('?6', '?7')} AS is_over)`
/**
 * The latest answer replaces the earlier one. `granted_at` stays that of the first answer, unless the consent was unused for
 * too long. Writes nothing if the code (`?6`) counts as spent from the start: the user may have removed the consent
 * meanwhile.
 */
export const REMEMBER_CONSENT = `INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at, resources, endorsements)
  SELECT ?1, ?2, ?3, ?4, ?5, ?7, ?8 FROM authorization_code WHERE code_digest = ?6 AND spent_at IS NULL
  ON CONFLICT DO UPDATE SET scopes = excluded.scopes, resources = excluded.resources,
    endorsements = excluded.endorsements, fingerprint = excluded.fingerprint,
    granted_at = iif(max(granted_at, coalesce(used_at, 0)) <= excluded.granted_at - ${FORGET_CONSENT_SECONDS},
      excluded.granted_at, granted_at)`
export const WITHDRAW_CONSENT = `UPDATE consent SET fingerprint = '${WITHDRAWN_FINGERPRINT}'
  WHERE user_id = ?1 AND client_id = ?2`

/** A consent that the user gave on the page with this request. */
export type GivenConsent = Consent &
  Readonly<{
    /** The scopes that the user unticked. */
    declined: readonly string[]
  }>

function rememberStatements(
  db: Database,
  codeDigest: TokenDigest,
  { clientId, user, audience, issuedAt }: AuthorizationCode,
  { scopes, fingerprint, resources, declined }: GivenConsent,
) {
  const { userId, endorsements } = user
  const answer = [scopes, fingerprint, issuedAt, codeDigest, resources, endorsements.join(' ')]
  const detail = { scopes: user.scopes, declined, endorsements }
  return [
    bound(db, REMEMBER_CONSENT, userId, clientId, ...answer),
    recordStatement(db, {
      happenedAt: issuedAt,
      actor: userActor(userId),
      event: 'consent.grant',
      clientId,
      userId,
      detail: audience.length > 0 ? { ...detail, resources: audience } : detail,
    }),
  ]
}

const asError = (fault: unknown) => (fault instanceof Error ? fault : new Error('unknown fault'))

export type AuthorizationStore = ReturnType<typeof authorizationStore>

export const authorizationStore = (db: Database, codes: TextWriter, usersAreExternal = false) => ({
  /**
   * Records a granted authorization. D1 gets, all or nothing: the code on the ledger and, if the consent was given now, the
   * consent in place of an earlier one and its audit row. KV gets the code too. Returns the fault if KV did not store the
   * code: the ledger still redeems it. `asOfMs`, by D1's clock: when the first of the records that the code depends on was
   * read. The code is void if one of these records was revoked since.
   */
  async grant(
    codeDigest: TokenDigest,
    code: AuthorizationCode,
    consent: GivenConsent | null,
    asOfMs: number,
  ): Promise<Error | null> {
    const record = JSON.stringify(code)
    const { clientId, issuedAt, expiresAt, user } = code
    const { userId } = user
    const voidedBy = [restsOn(userId, clientId), asOfMs]
    const [, kvFault] = await Promise.all([
      db.batch([
        bound(db, INSERT_CODE, codeDigest, clientId, userId, record, expiresAt, ...voidedBy),
        ...(usersAreExternal ? [rememberExternalUser(db, user, issuedAt)] : []),
        ...(consent ? rememberStatements(db, codeDigest, code, consent) : []),
      ]),
      codes
        .put(codeDigest, record, { expirationTtl: expiresAt - issuedAt })
        .then(() => null, asError),
    ])
    return kvFault
  },
  /** After this call the remembered consent is not reused. The user still sees the consent and can remove it. */
  async withdrawConsent(userId: string, clientId: ClientId): Promise<void> {
    await bound(db, WITHDRAW_CONSENT, userId, clientId).run()
  },
})
