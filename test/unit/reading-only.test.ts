/** The rewriting of statements for the request checker: only SELECT reaches D1. */

import { describe, expect, it } from 'vitest'
import * as authorizations from '../../src/stores/authorizations.ts'
import * as clients from '../../src/stores/clients.ts'
import * as codes from '../../src/stores/codes.ts'
import { asRead } from '../../src/stores/reading-only.ts'
import * as refreshTokens from '../../src/stores/refresh-tokens.ts'
import * as usedJtis from '../../src/stores/used-jtis.ts'
import * as users from '../../src/stores/users.ts'

const STORES = { authorizations, clients, codes, refreshTokens, usedJtis, users }
const STATEMENTS = Object.entries(STORES).flatMap(([store, module]) =>
  Object.entries(module)
    .filter((entry): entry is [string, string] => /^\s*[A-Z]+ /.test(String(entry[1])))
    .map(([name, sql]) => [`${store}: ${name}`, sql] as const),
)
/** With single spaces. */
const one = (sql: string) => sql.replace(/\s+/g, ' ').trim()
const readOf = (sql: string) => {
  try {
    return asRead(sql)
  } catch {
    return 'refused'
  }
}

describe('the statements of the stores', () => {
  it.each(STATEMENTS)('the statement %s runs as a SELECT, or is refused', (_, sql) => {
    expect(readOf(sql)).toMatch(/^\s*SELECT\b|^refused$/)
  })

  it.each([
    ['SPEND_CODE', codes.SPEND_CODE],
    ['SPEND_REFRESH_TOKEN', refreshTokens.SPEND_REFRESH_TOKEN],
    ['REPEAT_SUCCESSOR', refreshTokens.REPEAT_SUCCESSOR],
  ])('the statement %s becomes a SELECT with the same condition and the same columns', (_, sql) => {
    const [head, rest = ''] = one(sql).split(/ SET .*? WHERE (.*)/)
    const [condition, columns] = rest.split(' RETURNING ')
    const table = head?.replace('UPDATE ', '')
    expect(one(asRead(sql))).toBe(`SELECT ${columns} FROM ${table} WHERE ${condition}`)
  })
})

describe('a statement', () => {
  it.each([
    ['SELECT a FROM t WHERE b = ?1', 'SELECT a FROM t WHERE b = ?1'],
    ['INSERT INTO t (a, b) VALUES (?2, ?1)', 'SELECT ?2 WHERE FALSE'],
    ['UPDATE t SET a = ?3 WHERE b = ?1', 'SELECT ?3 WHERE FALSE'],
    ['DELETE FROM t', 'SELECT NULL WHERE FALSE'],
    [
      'UPDATE t SET a = ?1, n = n + 1 WHERE b = (SELECT c FROM u WHERE d = ?2) RETURNING b, c',
      'SELECT b, c FROM t WHERE b = (SELECT c FROM u WHERE d = ?2)',
    ],
  ])('the statement %s is rewritten as %s', (sql, read) => {
    expect(asRead(sql)).toBe(read)
  })

  it.each([
    ['of an unknown form', 'WITH x AS (SELECT 1) DELETE FROM t'],
    ['of an unknown form that only reads', 'WITH x AS (SELECT 1) SELECT * FROM x'],
    ['of another kind', 'PRAGMA foreign_keys = off'],
    ['followed by another', 'SELECT 1; DELETE FROM t'],
    [
      'that inserts and returns',
      'INSERT INTO t (a) VALUES (?1) ON CONFLICT DO NOTHING RETURNING a',
    ],
    ['that deletes and returns', 'DELETE FROM t WHERE a = ?1 RETURNING a'],
    ['that updates every row', 'UPDATE t SET a = ?1 RETURNING b'],
    ['that returns what it changes', 'UPDATE t SET n = n + 1 WHERE a = ?1 RETURNING n'],
    [
      'that changes by a subquery',
      'UPDATE t SET a = (SELECT b FROM u WHERE c = 1) WHERE d = 2 RETURNING e',
    ],
    [
      'that changes by a query of no table',
      'UPDATE t SET a = (SELECT 1 WHERE ?2) WHERE d = ?1 RETURNING e',
    ],
    ['that joins another table', 'UPDATE t SET a = ?1 FROM u WHERE u.b = t.b RETURNING t.c'],
  ])('a statement %s is refused', (_, sql) => {
    expect(() => asRead(sql)).toThrow('a check has no read in place of this statement')
  })
})
