/** The first operator of a deployed database, as SQL for `wrangler d1 execute` that has only the digest of the secret. */

import type { SecretDigest } from '../domain/ids.ts'
import { creationStatements } from '../stores/client-registry.ts'
import type { Database } from '../stores/database.ts'
import { LIVE_SECRETS, OPERATORS } from '../stores/status.ts'
import { auditDetailOf, COMMAND_LINE_CLIENT, COMMAND_LINE_ID, operatorClient } from './operators.ts'

type Value = string | number | null

function literal(value: Value | undefined): string {
  if (value === undefined) throw new TypeError('a parameter has no value')
  if (typeof value !== 'string') return String(value ?? 'NULL')
  // SQLite would end the text at the NUL.
  if (value.includes('\0')) throw new TypeError('a text must not have a NUL')
  return `'${value.replaceAll("'", "''")}'`
}

const withValues = (sql: string, values: readonly Value[]) =>
  sql.replace(/\?(\d+)/g, (_, n: string) => literal(values[Number(n) - 1]))

/** Prepares statements that are never run, because `wrangler d1 execute` takes no parameters. */
const RECORDER = {
  prepare: (sql: string) => ({
    sql,
    bind: (...values: Value[]) => ({ sql: withValues(sql, values) }),
  }),
} as unknown as Database

/** The statements that `write` prepares, one on each line. */
export const literalSql = (write: (db: Database) => readonly D1PreparedStatement[]): string =>
  (write(RECORDER) as unknown as readonly Readonly<{ sql: string }>[])
    .map(({ sql }) => `${sql.replace(/\s+/g, ' ').trim()};\n`)
    .join('')

const ACTOR = 'npm run deploy'

/** One row: the number of operators, and whether the client of `npm run admin -- login` exists. */
export const OPERATORS_SO_FAR = `SELECT (SELECT count(*) ${OPERATORS}) AS operators,
  EXISTS (SELECT 1 FROM client WHERE client_id = '${COMMAND_LINE_ID}') AS has_command_line`

const IS_OPERATOR = `SELECT count(*) AS is_operator ${OPERATORS} AND c.client_id = ?1
  AND EXISTS (${LIVE_SECRETS} AND s.secret_digest = ?2)`

type Operator = Readonly<{ clientId: string; secretDigest: SecretDigest }>

/** One row: `is_operator`, 1 if the client is an operator with this secret. */
export const isOperatorSql = ({ clientId, secretDigest }: Operator): string =>
  literalSql((db) => [db.prepare(IS_OPERATOR).bind(clientId, secretDigest)])

type Wanted = Readonly<{
  /** Null if no operator is wanted. */
  operator: Operator | null
  commandLine: boolean
  /** Epoch seconds. */
  now: number
}>

/** Statements, one on each line, each with its audit row; empty if nothing is wanted. They fail if a client has the id. */
export function firstOperatorSql({ operator, commandLine, now }: Wanted): string {
  const clients = [
    ...(operator === null ? [] : [operatorClient(operator.clientId, operator.secretDigest)]),
    ...(commandLine ? [COMMAND_LINE_CLIENT] : []),
  ]
  const by = { actor: ACTOR, now }
  return literalSql((db) =>
    clients.flatMap((client) => creationStatements(db, client, by, auditDetailOf(client))),
  )
}
