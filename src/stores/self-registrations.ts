/** Registrations by clients themselves, in D1. A list is one parameter in JSON. Instants in epoch seconds. */

import type { ClientRecord } from '../domain/client.ts'
import type { TokenDigest } from '../domain/ids.ts'
import { REGISTRATION_DAY_SECONDS } from '../domain/registration.ts'
import { auditStatement } from './change-batch.ts'
import { clientRecordIn, FIND_CLIENT_RECORD, RECORD_COLUMNS } from './client-record.ts'
import { creationStatements } from './client-registry.ts'
import { bound, D1_NOW, type Database } from './database.ts'
import {
  countStatement,
  FIND_REACHED_LIMITS,
  isOverLimit,
  type Limit,
} from './registration-count.ts'
import type { Authorship, Detail, NewClient } from './registration-ports.ts'

/** The data of a registration without an access token. */
type OpenRegistration = Readonly<{
  /** base64url SHA-256 of the network. */
  network: string
  /** The digest of the network and of everything that is registered. An exact duplicate has the same digest. */
  requestDigest: string
  limits: RegistrationLimits
}>

export type RegistrationLimits = Readonly<{
  perNetworkAndHour: number
  perDay: number
}>

type SelfRegistration = Readonly<{
  client: NewClient
  tokenDigest: TokenDigest
  /** Null if an access token allowed the registration: then no limit applies, and it is no duplicate of another. */
  open: OpenRegistration | null
}>

type TokenUse = Readonly<{
  presented: TokenDigest
  /** The next token, if `presented` is the newest. `salt` derives it from `presented`. */
  next: TokenDigest
  salt: string
}>

const IS_RECENT = `EXISTS (SELECT 1 FROM self_registered_client s WHERE s.client_id = client_registration.client_id
    AND s.created_at > ${D1_NOW} - ${REGISTRATION_DAY_SECONDS})`
export const FORGET_OLD_REQUEST = `UPDATE client_registration SET request_digest = NULL
  WHERE request_digest = ?1 AND NOT ${IS_RECENT}`
export const END_TOKEN_OF_DUPLICATE = `UPDATE client_registration
  SET token_digest = NULL, token_salt = NULL, previous_digest = NULL
  WHERE request_digest = ?1 AND token_digest IS NOT NULL AND ${IS_RECENT}`
export const FIND_DUPLICATE = `SELECT ${RECORD_COLUMNS} FROM client c WHERE c.client_id =
  (SELECT client_id FROM client_registration WHERE request_digest = ?1 AND ${IS_RECENT})`
export const INSERT_REGISTRATION = `INSERT INTO client_registration (client_id, request_digest, token_digest)
  VALUES (?1, ?2, ?3)`

/** Exactly one token follows another, even if a client presents the same token several times. */
export const USE_REGISTRATION_TOKEN = `UPDATE client_registration SET previous_digest = ?2,
    token_salt = iif(token_digest = ?2, ?4, token_salt), token_digest = iif(token_digest = ?2, ?3, token_digest)
  WHERE client_id = ?1 AND token_digest IS NOT NULL AND ?2 IN (token_digest, previous_digest)
  RETURNING token_salt`

const isDuplicate = (fault: unknown) =>
  /UNIQUE constraint failed: client_registration\.request_digest/.test(String(fault))

const limitsOf = ({ network, limits }: OpenRegistration): readonly Limit[] => [
  [network, limits.perNetworkAndHour],
  ['', limits.perDay],
]

export type SelfRegistrations = ReturnType<typeof selfRegistrations>

/** The store of clients that register themselves by a request (RFC 7591, RFC 7592). */
export function selfRegistrations(db: Database) {
  async function waitFor(limits: readonly Limit[]) {
    const find = bound(db, FIND_REACHED_LIMITS, JSON.stringify(limits))
    const reached = await find.first<{ subject: string; wait: number }>()
    const { subject, wait } = reached ?? { subject: '', wait: 1 }
    return { retryAfterSeconds: Math.max(1, wait), isNetwork: subject !== '' }
  }

  return {
    /**
     * The client that the same request registered less than a day ago; null if there is none. The registration access token
     * of the client ends, because several programs may now share the client.
     */
    async findDuplicate(requestDigest: string, by: Authorship): Promise<ClientRecord | null> {
      const find = bound(db, FIND_DUPLICATE, requestDigest)
      const record = clientRecordIn(await find.all())
      if (!record?.hasRegistrationToken) return record
      const { clientId } = record
      const event = 'client.revoke_registration_token'
      const detail = { registered_again: true }
      const outcomes = await db.batch([
        bound(db, END_TOKEN_OF_DUPLICATE, requestDigest),
        auditStatement(db, by, { event, about: { clientId }, detail }),
        find,
      ])
      return clientRecordIn(outcomes.at(-1))
    },

    /** One batch. Simultaneous calls never exceed the limits, and never register duplicates of each other. */
    async register(
      { client, tokenDigest, open }: SelfRegistration,
      by: Authorship,
      detail: Detail,
    ): Promise<
      | Readonly<{ kind: 'registered'; record: ClientRecord }>
      | Readonly<{ kind: 'duplicate' }>
      | Readonly<{ kind: 'too_many'; retryAfterSeconds: number; isNetwork: boolean }>
    > {
      const { clientId } = client
      const limits = open && limitsOf(open)
      const batch = [
        ...(open && limits
          ? [countStatement(db, limits), bound(db, FORGET_OLD_REQUEST, open.requestDigest)]
          : []),
        ...creationStatements(db, client, by, detail),
        bound(db, INSERT_REGISTRATION, clientId, open?.requestDigest ?? null, tokenDigest),
        bound(db, FIND_CLIENT_RECORD, clientId),
      ]
      try {
        const record = clientRecordIn((await db.batch(batch)).at(-1))
        if (record) return { kind: 'registered', record }
        throw new Error('the client that was registered is gone')
      } catch (fault) {
        if (isDuplicate(fault)) return { kind: 'duplicate' }
        if (limits !== null && isOverLimit(fault)) {
          return { kind: 'too_many', ...(await waitFor(limits)) }
        }
        throw fault
      }
    },

    /**
     * One statement. Returns the salt that derives the newest token from the presented token. Returns null, and writes
     * nothing, unless the presented token is the client's newest token or the previous one. The previous token stays valid
     * until the newest is used, because its holder may have lost the response.
     */
    async useToken(clientId: string, { presented, next, salt }: TokenUse): Promise<string | null> {
      const row = await bound(db, USE_REGISTRATION_TOKEN, clientId, presented, next, salt).first<{
        token_salt: string
      }>()
      return row?.token_salt ?? null
    },
  }
}
