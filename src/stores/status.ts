/** What D1 says about the deployment: its schema, what cron did last, who can administer, and which scopes are not declared. */

import { ADMIN_SCOPE } from '../domain/registry-scopes.ts'
import { isUndeclaredSql } from './covering-sql.ts'
import { type Database, rowsIn } from './database.ts'

/** SQL: the secrets of the client `c` that have not expired. */
export const LIVE_SECRETS = `SELECT 1 FROM client_credential s
    WHERE s.client_id = c.client_id AND (s.expires_at IS NULL OR s.expires_at > unixepoch())`

/** Enabled clients that can get a token with registry:admin by themselves. */
export const OPERATORS = `FROM client_authorization a JOIN client c ON c.client_id = a.client_id
  JOIN client_grant_type g ON g.client_id = c.client_id AND g.grant_type = 'client_credentials' AND g.authorized_at IS NOT NULL
  WHERE a.scope = '${ADMIN_SCOPE}' AND a.authorized_at IS NOT NULL AND c.disabled_at IS NULL
    AND (c.jwks IS NOT NULL OR EXISTS (${LIVE_SECRETS}))`

/** SQL: enabled users with registry:admin. */
export const ADMINISTRATORS = `FROM user_scope h JOIN user u ON u.user_id = h.user_id
  WHERE h.scope = '${ADMIN_SCOPE}' AND u.disabled_at IS NULL`

/** Both tables are small: the first has a row for each migration, the second for each task of cron. */
export const MIGRATIONS = `SELECT name, unixepoch(applied_at) AS appliedAt FROM d1_migrations ORDER BY id`
export const HOUSEKEEPING = `SELECT task, ran_at AS ranAt, removed, left_over AS leftOver FROM housekeeping ORDER BY task`
export const COUNTS = `SELECT (SELECT count(*) ${OPERATORS}) AS operators, (SELECT count(*) ${ADMINISTRATORS}) AS administrators,
  (SELECT count(*) FROM scope) AS declaredScopes`

/** `failure` is that of the most recent attempt. */
export const WAITING_DELIVERIES = `SELECT count(*) AS waiting, min(created_at) AS oldestAt,
    (SELECT failure FROM webhook_delivery WHERE failure IS NOT NULL ORDER BY attempt_at DESC LIMIT 1) AS failure
  FROM webhook_delivery`

/** The most undeclared scopes that are named. */
const MAX_UNDECLARED = 50
/** Each scope of the table once. Searches the index once for each scope, and does not read a row for each holder. */
const eachScopeOf = (table: string) => `SELECT min(scope) FROM ${table}
  UNION ALL SELECT (SELECT min(n.scope) FROM ${table} n WHERE n.scope > s.scope)`
export const UNDECLARED_SCOPES = `WITH RECURSIVE
  of_clients (scope) AS (${eachScopeOf('client_authorization')} FROM of_clients s WHERE s.scope IS NOT NULL),
  of_users (scope) AS (${eachScopeOf('user_scope')} FROM of_users s WHERE s.scope IS NOT NULL)
  SELECT scope FROM (SELECT scope FROM of_clients UNION SELECT scope FROM of_users) held
  WHERE ${isUndeclaredSql('held.scope')} ORDER BY scope LIMIT ${MAX_UNDECLARED}`

/** Instants in epoch seconds. */
export type Status = Readonly<{
  /** The migrations in the order in which they were applied. */
  migrations: readonly Readonly<{ name: string; appliedAt: number }>[]
  /** The last run of each task. */
  housekeeping: readonly Readonly<{
    task: string
    ranAt: number
    removed: number
    leftOver: number
  }>[]
  operators: number
  administrators: number
  declaredScopes: number
  /** Events that wait for the webhook. `failure`: the reason why an attempt failed, as the end of a sentence. */
  webhook: Readonly<{ waiting: number; oldestAt: number | null; failure: string | null }>
  /** Scopes that a client or a user holds or has requested, and that have no sentence for people. At most 50. */
  undeclaredScopes: readonly string[]
}>
export type StatusReader = Readonly<{ read: () => Promise<Status> }>

export const statusReader = (db: Database): StatusReader => ({
  async read() {
    const statements = [MIGRATIONS, HOUSEKEEPING, COUNTS, UNDECLARED_SCOPES, WAITING_DELIVERIES]
    const [migrations, tasks, counts, undeclared, deliveries] = await db.batch(
      statements.map((sql) => db.prepare(sql)),
    )
    type Counts = Pick<Status, 'operators' | 'administrators' | 'declaredScopes'>
    const [count = { operators: 0, administrators: 0, declaredScopes: 0 }] = rowsIn<Counts>(counts)
    const [webhook = { waiting: 0, oldestAt: null, failure: null }] =
      rowsIn<Status['webhook']>(deliveries)
    return {
      ...count,
      webhook,
      migrations: rowsIn(migrations),
      housekeeping: rowsIn(tasks),
      undeclaredScopes: rowsIn<{ scope: string }>(undeclared).map(({ scope }) => scope),
    }
  },
})
