/** The first operator of a deployed database, as SQL. */

import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, expect, it } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { firstOperatorSql, literalSql, OPERATORS_SO_FAR } from '../../src/local/first-operator.ts'
import { COMMAND_LINE_ID } from '../../src/local/operators.ts'
import { inProject } from '../../src/local/project.ts'

const clientSecret = mintToken('clientSecret')
const now = Math.floor(Date.now() / 1000)
const operatorOf = async (clientId: string) => ({
  clientId,
  secretDigest: await hexDigest(clientSecret),
})

let db: DatabaseSync
beforeEach(() => {
  db = new DatabaseSync(':memory:')
  db.exec(readFileSync(inProject('schema.sql'), 'utf8'))
})
const soFar = () => ({ ...db.prepare(OPERATORS_SO_FAR).get() })

it('the SQL for the first operator creates both operator clients, with the digest of the secret and an audit row for each', async () => {
  expect(soFar()).toEqual({ operators: 0, has_command_line: 0 })
  const operator = await operatorOf('registry-operator-1')
  const sql = firstOperatorSql({ operator, commandLine: true, now })
  expect(sql).not.toContain(clientSecret)
  db.exec(sql)
  // The client of the command line may have every scope, but gets no token without a user.
  expect(soFar()).toEqual({ operators: 1, has_command_line: 1 })
  expect(db.prepare('SELECT client_id, secret_digest FROM client_credential').all()).toEqual([
    { client_id: operator.clientId, secret_digest: operator.secretDigest },
  ])
  expect(db.prepare('SELECT actor, event, client_id FROM audit ORDER BY audit_id').all()).toEqual([
    { actor: 'npm run deploy', event: 'client.create', client_id: operator.clientId },
    { actor: 'npm run deploy', event: 'client.create', client_id: COMMAND_LINE_ID },
  ])
})

it('the SQL for another operator creates only the operator, and keeps the first', async () => {
  db.exec(firstOperatorSql({ operator: await operatorOf('a'), commandLine: true, now }))
  db.exec(firstOperatorSql({ operator: await operatorOf('b'), commandLine: false, now }))
  expect(soFar()).toEqual({ operators: 2, has_command_line: 1 })
  expect(firstOperatorSql({ operator: null, commandLine: false, now })).toBe('')
})

it.each([
  ['disabled', `UPDATE client SET disabled_at = 1`],
  ['without a live secret', `UPDATE client_credential SET expires_at = 1`],
  ['without a secret', `DELETE FROM client_credential`],
  ['without the scope', `UPDATE client_authorization SET authorized_at = NULL`],
  ['without the grant type', `DELETE FROM client_grant_type`],
])('an operator that is %s is not counted as an operator', async (_name, sql) => {
  db.exec(firstOperatorSql({ operator: await operatorOf('a'), commandLine: false, now }))
  expect(soFar()).toMatchObject({ operators: 1 })
  db.exec(sql)
  expect(soFar()).toMatchObject({ operators: 0 })
})

it('a value in literal SQL cannot end its literal: quotes are escaped, and a NUL is refused', () => {
  const hostile = `'); DROP TABLE client; -- ?1 ?2`
  const sql = literalSql((recorder) => [
    recorder.prepare('SELECT ?2 AS b, ?1 AS a, ?3 AS c').bind(hostile, null, 7),
  ])
  expect({ ...db.prepare(sql).get() }).toEqual({ a: hostile, b: null, c: 7 })
  expect(() => literalSql((recorder) => [recorder.prepare('SELECT ?1').bind('a\0')])).toThrow('NUL')
  expect(() => literalSql((recorder) => [recorder.prepare('SELECT ?2').bind('a')])).toThrow(
    'no value',
  )
})
