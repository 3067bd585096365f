/** What `npm run deploy` changes in a wrangler.toml. */

import { readFileSync } from 'node:fs'
import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { withValue } from '../../src/cli/deploy/config-file.ts'
import { CONFIG_PATHS } from '../../src/local/project.ts'

const VARS = { table: 'vars' } as const
const DB = { table: 'd1_databases', binding: 'DB' } as const
const CODES = { table: 'kv_namespaces', binding: 'CODES' } as const

describe('a value in a wrangler.toml', () => {
  it('replacing a value in wrangler.toml leaves every other line unchanged', () => {
    const before = readFileSync(CONFIG_PATHS.registry, 'utf8')
    const after = withValue(before, CODES, 'new-id') ?? ''
    const changed = after.split('\n').filter((line, i) => line !== before.split('\n')[i])
    expect(changed).toEqual(['id = "new-id"'])
    expect(parse(after)).toMatchObject({
      kv_namespaces: [{ binding: 'SESSIONS' }, { binding: 'CODES', id: 'new-id' }],
    })
  })

  it.each([
    [
      'a comment after it',
      '[vars] # mine\nISSUER = "old" # why\n',
      '[vars] # mine\nISSUER = "new" # why\n',
    ],
    ['single quotes', "[vars]\n  ISSUER='old'\n", '[vars]\n  ISSUER="new"\n'],
    ['CRLF line ends', '[vars]\r\nISSUER = "old"\r\n', '[vars]\r\nISSUER = "new"\r\n'],
    ['no such key', '[vars]\nOTHER = 1\n', '[vars]\nISSUER = "new"\nOTHER = 1\n'],
    [
      'a table of the same name in comments and environments',
      '# [vars]\n# ISSUER = "a"\n[env.x.vars]\nISSUER = "b"\n[vars]\nISSUER = "old"\n',
      '# [vars]\n# ISSUER = "a"\n[env.x.vars]\nISSUER = "b"\n[vars]\nISSUER = "new"\n',
    ],
  ])('a value in wrangler.toml is found with %s', (_, before, after) => {
    expect(withValue(before, VARS, 'new')).toBe(after)
  })

  it('the id of a binding is found before or after the name of the binding', () => {
    const other = '[[d1_databases]]\nbinding = "OTHER"\ndatabase_id = "1"\n'
    expect(
      withValue(`${other}[[d1_databases]]\ndatabase_id = "2"\nbinding = "DB"\n`, DB, '3'),
    ).toBe(`${other}[[d1_databases]]\ndatabase_id = "3"\nbinding = "DB"\n`)
    expect(withValue(`${other}[[d1_databases]]\nbinding = "DB"\n`, DB, '3')).toBe(
      `${other}[[d1_databases]]\nbinding = "DB"\ndatabase_id = "3"\n`,
    )
  })

  it.each([
    ['vars = { ISSUER = "old" }\n', VARS],
    ['[vars]\nISSUER = """\nold"""\n', VARS],
    ['note = """\n[vars]\nISSUER = "old"\n"""\n', VARS],
    ['kv_namespaces = [{ binding = "CODES", id = "old" }]\n', CODES],
    ['[[kv_namespaces]]\nbinding = "SESSIONS"\nid = "old"\n', CODES],
    ['', VARS],
  ] as const)(
    'a wrangler.toml with another layout is refused instead of guessing where the value is: %j',
    (text, place) => {
      expect(withValue(text, place, 'new')).toBeNull()
    },
  )

  it('a value that would break wrangler.toml is not written', () => {
    expect(withValue('[vars]\nISSUER = "old"\n', VARS, 'a"\nB = "c')).toBeNull()
  })
})
