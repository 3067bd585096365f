/** What `doctor` does in D1: reads what D1 says of the deployment, and makes a client and a user for a trial, which it removes. */

import { NO_ONES_HASH } from '../crypto/password.ts'
import { randomId } from '../crypto/random.ts'
import { DEFAULT_AUTH_METHOD } from '../domain/client.ts'
import type { SecretDigest } from '../domain/ids.ts'
import { DELETE_CLIENT, insertClient } from './client-statements.ts'
import type { Database } from './database.ts'
import { insertUser } from './user-statements.ts'

const WRITE_AND_TAKE_BACK = [
  `INSERT INTO used_jti (jti_digest, expires_at) VALUES (?1, 0)`,
  `DELETE FROM used_jti WHERE jti_digest = ?1 RETURNING jti_digest`,
] as const
const APPLIED_MIGRATIONS = `SELECT name, unixepoch(applied_at) AS appliedAt FROM d1_migrations ORDER BY id`
/** Scans the table: it has one row for each task. */
const LAST_HOUSEKEEPING = `SELECT max(ran_at) AS ran_at FROM housekeeping`

/** Instants in epoch seconds. */
type AppliedMigration = Readonly<{ name: string; appliedAt: number }>

/** Is a written row there to be read? One batch writes and deletes it, so that no row is left. */
export async function writesAndReads(db: Database, id: string): Promise<boolean> {
  const [, taken] = await db.batch(WRITE_AND_TAKE_BACK.map((sql) => db.prepare(sql).bind(id)))
  return taken?.results.length === 1
}

export async function appliedMigrations(db: Database): Promise<AppliedMigration[]> {
  return (await db.prepare(APPLIED_MIGRATIONS).all<AppliedMigration>()).results
}

/** Epoch seconds; null if it never ran. */
export const lastHousekeeping = (db: Database) =>
  db.prepare(LAST_HOUSEKEEPING).first<number | null>('ran_at')

/** Instants in epoch seconds. */
type TemporarySubjects = Readonly<{
  name: string
  redirectUri: string
  scope: string
  secretDigest: SecretDigest
  now: number
}>

const PREFIX = 'doctor-'
/** The first text after every id with the prefix. */
const BEYOND = 'doctor.'

export const DELETE_TEMPORARY_USER = `DELETE FROM user WHERE user_id = ?1`
export const DELETE_REFUSALS = `DELETE FROM refusal WHERE refusal_id IN (SELECT value FROM json_each(?1))
  RETURNING refusal_id`
export const DELETE_SESSION_REVOCATIONS = `DELETE FROM revocation
  WHERE kind = 'session' AND subject IN (SELECT value FROM json_each(?1))`
export const DELETE_LEFT_CLIENTS = `DELETE FROM client WHERE client_id > '${PREFIX}' AND client_id < '${BEYOND}'
  AND created_at < CAST(?1 AS INTEGER)`
export const DELETE_LEFT_USERS = `DELETE FROM user WHERE user_id > '${PREFIX}' AND user_id < '${BEYOND}'
  AND created_at < CAST(?1 AS INTEGER)`

export const temporaryId = () => `${PREFIX}${randomId()}`

/** The client may use the grants that need only a secret. No password matches the user's hash. */
export async function createTemporarySubjects(
  db: Database,
  id: string,
  { name, redirectUri, scope, secretDigest, now }: TemporarySubjects,
) {
  const scopes = [scope]
  const fields = {
    name,
    ownerId: PREFIX,
    url: '',
    description: name,
    authMethod: DEFAULT_AUTH_METHOD,
    requirePkce: false,
    requireDpop: false,
    jwks: null,
    mayIntrospect: false,
    accessTokenLifetimeSeconds: null,
  }
  const grantTypes = ['authorization_code', 'client_credentials']
  const lists = { redirectUris: [redirectUri], scopes, grantTypes }
  const client = { clientId: id, fields, lists, mode: 'authorize' as const, secretDigest }
  const user = {
    userId: id,
    username: id,
    email: 'doctor@doctor.invalid',
    scopes,
    endorsements: [],
  }
  await db.batch([
    ...insertClient(db, client, now),
    ...insertUser(db, { ...user, passwordHash: NO_ONES_HASH }, now),
  ])
}

/** Also removes their codes, their consents and the revocations of these sessions. */
export async function removeTemporarySubjects(
  db: Database,
  id: string,
  sessionKeys: readonly string[],
) {
  await db.batch([
    db.prepare(DELETE_CLIENT).bind(id),
    db.prepare(DELETE_TEMPORARY_USER).bind(id),
    db.prepare(DELETE_SESSION_REVOCATIONS).bind(JSON.stringify(sessionKeys)),
  ])
}

/** Returns the ids that were found. */
export async function removeRefusals(db: Database, ids: readonly string[]): Promise<string[]> {
  const statement = db.prepare(DELETE_REFUSALS).bind(JSON.stringify(ids))
  const { results } = await statement.all<{ refusal_id: string }>()
  return results.map(({ refusal_id }) => refusal_id)
}

/** Removes subjects that an interrupted run left: made before the moment (epoch seconds). */
export async function removeLeftSubjects(db: Database, before: number) {
  await db.batch([
    db.prepare(DELETE_LEFT_CLIENTS).bind(before),
    db.prepare(DELETE_LEFT_USERS).bind(before),
  ])
}
