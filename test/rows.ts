/**
 * Writes rows of clients and users for a test, without the audit row and the revocations of an administrator's command, so
 * that a test shows the effect of the rows themselves. `flows/registration` does the whole command.
 */

import { digest } from '../src/crypto/digest.ts'
import { randomId } from '../src/crypto/random.ts'
import { mintToken } from '../src/crypto/token.ts'
import {
  type ClientDetails,
  type ClientFields,
  type ClientLists,
  type ClientRecord,
  NO_DETAILS,
  type PermissionLists,
} from '../src/domain/client.ts'
import type { ClientId, SecretDigest } from '../src/domain/ids.ts'
import type { UserFields, UserLists, UserRecord } from '../src/domain/user.ts'
import { clientReader } from '../src/stores/client-registry.ts'
import { clientChangeStatements, insertClient } from '../src/stores/client-statements.ts'
import type { Database } from '../src/stores/database.ts'
import { hasEnded } from '../src/stores/narrowing.ts'
import type { ClientChange, Mode, NewUser, UserChange } from '../src/stores/registration-ports.ts'
import { userReader } from '../src/stores/user-registry.ts'
import { insertUser, userChangeStatements } from '../src/stores/user-statements.ts'
import { keyOlderNames } from '../src/stores/username-keys.ts'

/** A client with permissions of each kind. */
export const CLIENT_ROW = {
  name: 'N',
  ownerId: 'u',
  url: '',
  description: '',
  authMethod: 'client_secret_post',
  requirePkce: false,
  requireDpop: false,
  jwks: null,
  mayIntrospect: false,
  accessTokenLifetimeSeconds: null,
  redirectUris: ['https://a.example/1', 'https://a.example/2'],
  grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
  scopes: ['a:b', 'c:d'],
  endorsements: ['cs.*'],
} as const

type Whose = Readonly<{ clientId: string; userId: string; now: number }>

/** Writes a family with one refresh token, and an unredeemed code. Returns the token and the key of its session. */
export async function insertGrant(db: Database, { clientId, userId, now }: Whose) {
  const token = mintToken('refreshToken')
  const [family, sessionKey] = [crypto.randomUUID(), crypto.randomUUID()]
  await db.batch([
    db
      .prepare(
        `INSERT INTO refresh_family (family_id, client_id, user_id, record, started_at, expires_at, last_used_at)
         VALUES (?1, ?2, ?3, '{"user":{},"redirectUri":""}', ?4, ?5, ?4)`,
      )
      .bind(family, clientId, userId, now, now + 9999),
    db
      .prepare(
        'INSERT INTO refresh_token (token_digest, family_id, session_key, issued_at) VALUES (?1, ?2, ?3, ?4)',
      )
      .bind(await digest(token), family, sessionKey, now),
    db
      .prepare(
        `INSERT INTO authorization_code (code_digest, client_id, user_id, record, expires_at)
         VALUES (?1, ?2, ?3, '{}', ?4)`,
      )
      .bind(crypto.randomUUID(), clientId, userId, now + 9999),
  ])
  return { token, sessionKey }
}

type Statements = readonly D1PreparedStatement[]
/** `before` runs before the change, `also` after it. */
type Around = Readonly<{ before?: Statements; also?: Statements }>
type InMode = Around & Readonly<{ mode: Mode; now: number }>

export function clientRegistry(db: Database) {
  const change = async (
    clientId: string,
    one: ClientChange,
    { now, before = [], also = [] }: Around & Readonly<{ now: number }>,
  ) => {
    const outcomes = await db.batch([
      ...before,
      ...clientChangeStatements(db, clientId, one, now),
      ...also,
    ])
    const client: ClientRecord | null = await clientReader(db).find(clientId)
    return { client, hasEnded: hasEnded(outcomes.slice(0, before.length)) }
  }
  return {
    async create(
      client: Omit<ClientFields, keyof ClientDetails> & Partial<ClientDetails> & ClientLists,
      secretDigest: SecretDigest | null,
      { mode, now }: InMode,
    ): Promise<ClientId> {
      const clientId = randomId() as ClientId
      const fields = { ...NO_DETAILS, ...client }
      const rows = { clientId, fields, lists: client, mode, secretDigest }
      await db.batch(insertClient(db, rows, now))
      return clientId
    },
    update: (clientId: string, fields: Partial<ClientFields>, lists: ClientLists, how: InMode) =>
      change(clientId, { kind: 'update', fields, lists, mode: how.mode }, how),
    authorize: (clientId: string, lists: PermissionLists, now: number) =>
      change(clientId, { kind: 'authorize', lists }, { now }),
    withdraw: (clientId: string, lists: PermissionLists, now: number) =>
      change(clientId, { kind: 'withdraw', lists }, { now }),
    rotateSecret: (
      clientId: string,
      secretDigest: SecretDigest,
      overlapSeconds: number,
      how: Around & Readonly<{ now: number }>,
    ) => change(clientId, { kind: 'rotate_secret', secretDigest, overlapSeconds }, how),
    disable: async (clientId: string, now: number, also: Statements = []) =>
      (await change(clientId, { kind: 'disable' }, { now, also })).client,
    enable: async (clientId: string, now: number, also: Statements = []) =>
      (await change(clientId, { kind: 'enable' }, { now, also })).client,
    async delete(clientId: string, also: Statements = []) {
      const client = await clientReader(db).find(clientId)
      await change(clientId, { kind: 'delete' }, { now: 0, also })
      return client
    },
  }
}

export function userRegistry(db: Database) {
  const change = async (
    userId: string,
    one: UserChange,
    { now, before = [], also = [] }: Around & Readonly<{ now: number }>,
  ) => {
    const outcomes = await db.batch([
      ...before,
      ...userChangeStatements(db, userId, one, now),
      ...also,
    ])
    const user: UserRecord | null = await userReader(db).find({ userId })
    return { user, hasEnded: hasEnded(outcomes.slice(0, before.length)) }
  }
  const state = async (
    userId: string,
    one: UserChange,
    now: number,
    also: Statements | undefined,
  ) => (await change(userId, one, { now, also: also ?? [] })).user
  return {
    ...userReader(db),
    /** Null if the username is taken. */
    async create(user: Omit<NewUser, 'userId'>, now: number): Promise<string | null> {
      const userId = randomId()
      await keyOlderNames(db)
      try {
        await db.batch(insertUser(db, { ...user, userId }, now))
        return userId
      } catch (fault) {
        if (/UNIQUE constraint failed: user\.username/.test(String(fault))) return null
        throw fault
      }
    },
    update: (
      userId: string,
      { username, email, ...lists }: Partial<UserFields> & UserLists,
      now: number,
      around: Around = {},
    ) => {
      const fields = { ...(username && { username }), ...(email && { email }) }
      return change(userId, { kind: 'update', fields, lists }, { ...around, now })
    },
    authorize: (userId: string, lists: UserLists, now: number, around: Around = {}) =>
      change(userId, { kind: 'authorize', lists }, { ...around, now }),
    withdraw: (userId: string, lists: UserLists, now: number, around: Around = {}) =>
      change(userId, { kind: 'withdraw', lists }, { ...around, now }),
    setPassword: (userId: string, passwordHash: string, now: number, also?: Statements) =>
      state(userId, { kind: 'set_password', passwordHash }, now, also),
    disable: (userId: string, now: number, also?: Statements) =>
      state(userId, { kind: 'disable' }, now, also),
    enable: (userId: string, now: number, also?: Statements) =>
      state(userId, { kind: 'enable' }, now, also),
    async delete(userId: string, around: Around = {}) {
      const user = await userReader(db).find({ userId })
      await change(userId, { kind: 'delete' }, { ...around, now: 0 })
      return user
    },
  }
}
