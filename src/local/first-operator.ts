/** The first operator of a deployed database, as SQL for `wrangler d1 execute`: it has the digest of the secret only. */

import type { SecretDigest } from '../domain/ids.ts'
import { creationStatements } from '../stores/client-registry.ts'
import { literalSql } from '../stores/literal-sql.ts'
import { LIVE_SECRETS, OPERATORS } from '../stores/operators-sql.ts'
import { auditDetailOf, COMMAND_LINE_CLIENT, COMMAND_LINE_ID, operatorClient } from './operators.ts'

const ACTOR = 'npm run deploy'

/** One row: `operators`, how many there are, and `has_command_line`, whether the client of `npm run admin -- login` is there. */
export const OPERATORS_SO_FAR = `SELECT (SELECT count(*) ${OPERATORS}) AS operators,
  EXISTS (SELECT 1 FROM client WHERE client_id = '${COMMAND_LINE_ID}') AS has_command_line`

const IS_OPERATOR = `SELECT count(*) AS is_operator ${OPERATORS} AND c.client_id = ?1
  AND EXISTS (${LIVE_SECRETS} AND s.secret_digest = ?2)`

type Operator = Readonly<{ clientId: string; secretDigest: SecretDigest }>

/** One row: `is_operator`, 1 if the client is an operator with this secret. */
export const isOperatorSql = ({ clientId, secretDigest }: Operator): string =>
  literalSql((db) => [db.prepare(IS_OPERATOR).bind(clientId, secretDigest)])

type Wanted = Readonly<{
  /** Null: none. */
  operator: Operator | null
  commandLine: boolean
  /** Epoch seconds. */
  now: number
}>

/** Statements, one a line, each with its audit row. Empty if nothing is wanted. They fail if a client has the id. */
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
