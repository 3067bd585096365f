/** The import reads the original registry's tables from every file format, and turns their rows into clients. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { type ImportResult, importArxiv } from '../../src/cli/arxiv/import-arxiv.ts'
import type { BadRow } from '../../src/cli/arxiv/tables.ts'
import type { ClientImport } from '../../src/protocol/registration/client-import.ts'
import {
  csvText,
  mysqlDump,
  sqliteDump,
  type Tables,
  writeCsv,
  writeSqlite,
} from '../arxiv-registry.ts'

const directory = mkdtempSync(join(tmpdir(), 'arxiv-'))
afterAll(() => rmSync(directory, { recursive: true }))
let made = 0
const newPath = (end: string) => {
  made += 1
  return join(directory, `${made}${end}`)
}
const written = (text: string | Uint8Array, end = '.sql') => {
  const path = newPath(end)
  writeFileSync(path, text)
  return path
}

const DIGEST = 'b3a8e0e1f9ab1bfe3a36f231f676f78bb30a519d2b21e6c530c0eee8ebb4a5d0'
const TEXT = `It's "quoted", a \\ and \\n, ();-- /* */ # \`x\` %_ Å 物理 \u{1F600}\r\n\tsecond line; INSERT INTO client`
const CREATED = '2018-03-01 12:00:00'
const TABLES: Tables = {
  client: [
    [1, 17, CREATED, 'Reading list', 'https://reading.example', TEXT, 'https://reading.example/cb'],
    [2, 18, '2018-03-01 12:00:00.123456', 'NULL', null, null, null],
    [10, 18, null, '', null, 'x', null],
  ],
  client_credential: [
    [1, 1, DIGEST, CREATED],
    [2, 2, DIGEST.toUpperCase(), null],
  ],
  client_authorization: [
    [1, 1, CREATED, '2018-03-02 09:30:00', 'public:read'],
    [2, 1, CREATED, null, 'submission:create'],
    [3, 1, '2018-02-01 00:00:00', null, 'public:read'],
    [4, 2, null, '2018-03-02 09:30:00', 'public:read'],
  ],
  client_grant_type: [
    [1, 1, CREATED, CREATED, 'authorization_code'],
    [2, 1, CREATED, null, 'client_credentials'],
  ],
}
const NOW = '2026-11-01T00:00:00.000Z'

type Outcome = Awaited<ReturnType<typeof importPath>>
async function importPath(
  path: string,
  owner: string | null = null,
  results: (row: ClientImport) => ImportResult = () => ({ outcome: 'created' }),
) {
  const rows: ClientImport[] = []
  const sizes: number[] = []
  const bad: BadRow[] = []
  const lines: string[] = []
  let seconds = 0
  const summary = await importArxiv(
    path,
    { owner, now: NOW },
    {
      async send(clients) {
        rows.push(...clients)
        sizes.push(clients.length)
        return clients.map(results)
      },
      report: (one) => bad.push(one),
      progress: (line) => lines.push(line),
      clock: () => {
        seconds += 10
        return seconds * 1000
      },
    },
  )
  return { rows, sizes, bad, lines, summary }
}

const iso = (text: string) => `${text.replace(' ', 'T')}.000Z`
const EXPECTED = [
  {
    client_id: '1',
    name: 'Reading list',
    owner_id: '17',
    url: 'https://reading.example',
    description: TEXT,
    auth_method: 'client_secret_post',
    redirect_uris: ['https://reading.example/cb'],
    created_at: iso(CREATED),
    permissions: [
      {
        kind: 'scope',
        value: 'public:read',
        requested_at: iso('2018-02-01 00:00:00'),
        authorized_at: iso('2018-03-02 09:30:00'),
      },
      {
        kind: 'scope',
        value: 'submission:create',
        requested_at: iso(CREATED),
        authorized_at: null,
      },
      {
        kind: 'grant_type',
        value: 'authorization_code',
        requested_at: iso(CREATED),
        authorized_at: iso(CREATED),
      },
      {
        kind: 'grant_type',
        value: 'client_credentials',
        requested_at: iso(CREATED),
        authorized_at: null,
      },
    ],
    credentials: [{ secret_digest: DIGEST, created_at: iso(CREATED) }],
  },
  {
    client_id: '2',
    name: 'NULL',
    owner_id: '18',
    url: '',
    description: '',
    auth_method: 'client_secret_post',
    redirect_uris: [],
    created_at: '2018-03-01T12:00:00.000Z',
    permissions: [
      {
        kind: 'scope',
        value: 'public:read',
        requested_at: iso('2018-03-02 09:30:00'),
        authorized_at: iso('2018-03-02 09:30:00'),
      },
    ],
    credentials: [{ secret_digest: DIGEST, created_at: '2018-03-01T12:00:00.000Z' }],
  },
]

function expectImported({ rows, bad, summary }: Outcome) {
  expect(rows).toEqual(EXPECTED)
  expect(bad).toEqual([
    {
      kind: 'bad',
      table: 'client',
      key: '10',
      line: bad[0]?.line,
      field: 'name',
      rule: 'must not be empty',
    },
  ])
  expect(summary).toEqual({ clients: 3, created: 2, unchanged: 0, notImported: 1, badRows: 1 })
}

const csvOf = (tables: Tables) => {
  const path = newPath('')
  writeCsv(path, tables)
  return path
}
const sqliteOf = (tables: Tables) => {
  const path = newPath('.db')
  writeSqlite(path, tables)
  return path
}
const FORMS: readonly [string, (tables: Tables) => string][] = [
  ['a SQLite file', sqliteOf],
  ['a dump of MySQL', (tables) => written(mysqlDump(tables))],
  ['a dump of SQLite', (tables) => written(sqliteDump(tables))],
  ['a directory of CSV files', csvOf],
]

describe('the file formats of the original tables', () => {
  it.each(FORMS)(
    'importing %s yields every client with its rows, and reports the bad row',
    async (_, make) => {
      expectImported(await importPath(make(TABLES)))
    },
  )

  it('a dump or a CSV file that is read in chunks of any size gives the same rows', async () => {
    const { readSqlDump } = await import('../../src/cli/arxiv/sql-dump.ts')
    const { readCsv } = await import('../../src/cli/arxiv/csv.ts')
    const all = async <T>(read: AsyncIterable<T>) => Array.fromAsync(read)
    async function* inPieces(text: string, length: number) {
      for (let at = 0; at < text.length; at += length) yield text.slice(at, at + length)
    }
    for (const dump of [mysqlDump(TABLES), sqliteDump(TABLES)]) {
      const whole = await all(readSqlDump(inPieces(dump, dump.length)))
      expect(whole.filter(({ kind }) => kind === 'row')).toHaveLength(11)
      for (const length of [1, 2, 3, 7, 64, 1000]) {
        expect(await all(readSqlDump(inPieces(dump, length)))).toEqual(whole)
      }
    }
    const csv = csvText('client', TABLES.client)
    const whole = await all(readCsv('client', inPieces(csv, csv.length)))
    for (const length of [1, 2, 5]) {
      expect(await all(readCsv('client', inPieces(csv, length)))).toEqual(whole)
    }
  })

  it('a MySQL dump in latin1 is decoded as cp1252', async () => {
    const tables = { ...TABLES, client: [[1, 17, CREATED, 'Möbius – “Å”', null, null, null]] }
    const cp1252: Readonly<Record<string, number>> = { '–': 0x96, '“': 0x93, '”': 0x94 }
    const bytes = Uint8Array.from(
      [...mysqlDump(tables, 'latin1')],
      (one) => cp1252[one] ?? one.codePointAt(0) ?? 0,
    )
    const { rows } = await importPath(written(bytes))
    expect(rows[0]?.name).toBe('Möbius – “Å”')
  })

  it('a row with bytes that are not UTF-8 is reported, and the other rows are imported', async () => {
    const dump = Buffer.from(
      mysqlDump({
        ...TABLES,
        client: [[1, 17, CREATED, 'caf?', null, null, null], ...TABLES.client.slice(1)],
      }),
    )
    dump[dump.indexOf('caf?') + 3] = 0xe9
    const { rows, bad } = await importPath(written(dump))
    expect(rows.map(({ client_id }) => client_id)).toEqual(['2'])
    // The rows that belong to this client are not reported too.
    expect(bad).toMatchObject([
      { table: 'client', key: '1', field: 'name', rule: expect.stringContaining('no text') },
      { table: 'client', key: '10' },
    ])
  })

  it('tables, databases and columns that the original registry does not have are ignored', async () => {
    const dump = sqliteDump(TABLES)
      .replaceAll(
        'CREATE TABLE client (',
        'CREATE TABLE IF NOT EXISTS "registry"."client" (\n\tis_new BOOLEAN DEFAULT (1), ',
      )
      .replaceAll('INSERT INTO client VALUES(', 'INSERT OR IGNORE INTO registry.client VALUES(1,')
      .replace(
        'COMMIT;',
        `CREATE TABLE authorization_code (code VARCHAR(48), client_id INTEGER);
INSERT INTO authorization_code VALUES('a;b(',1),('c''',2);
CREATE INDEX i ON client (name);
COMMIT;`,
      )
    expectImported(await importPath(written(dump)))
  })

  it('the column list of an INSERT decides which value belongs to which column', async () => {
    const dump = mysqlDump({ ...TABLES, client: [] }).replace(
      'LOCK TABLES `client` WRITE;',
      "INSERT INTO `client` (`name`, `client_id`, `owner_id`, `created`, `url`, `description`, `redirect_uri`) VALUES ('First', 1, 17, NULL, NULL, NULL, 'https://a.example/'), ('Second', 2, 17, NULL, NULL, NULL, NULL) ON DUPLICATE KEY UPDATE name = 'x';",
    )
    const { rows } = await importPath(written(dump))
    expect(rows.map(({ client_id, name }) => [client_id, name])).toEqual([
      ['1', 'First'],
      ['2', 'Second'],
    ])
  })

  const VALUES: readonly [string, string | null][] = [
    ["'a\\'b\\\\c\\%d\\_e\\qf'", "a'b\\c\\%d\\_eqf"],
    ["'a''b'", "a'b"],
    ['"a\\"b""c\'\'d"', 'a"b"c\'\'d'],
    ["_utf8mb4'abc'", 'abc'],
    ["_binary 'abc'", 'abc'],
    ["N'abc'", 'abc'],
    ["X'C3A9'", 'é'],
    ['0xC3A9', 'é'],
    ['-12', '-12'],
    ['1.5e3', '1.5e3'],
    ["replace('a|b','|',char(10))", 'a\nb'],
    ["replace(replace('a|b^','|',char(10)),'^',char(13))", 'a\nb\r'],
    ["unistr('a\\u000ab\\\\c\\+01F600')", 'a\nb\\c\u{1F600}'],
    ['NULL', null],
    ['TRUE', '1'],
  ]
  it.each(VALUES)('the value %s of a dump is read', async (literal, value) => {
    const isSqlite = /^(?:replace|unistr)/.test(literal)
    const dump = (isSqlite ? sqliteDump : mysqlDump)({
      ...TABLES,
      client: [[1, 17, CREATED, 'A', null, 'VALUE', null]],
    }).replace("'VALUE'", () => literal)
    const { rows } = await importPath(written(dump))
    expect(rows[0]?.description).toBe(value ?? '')
  })

  it.each(["lower('A')", "char('x')", 'CURRENT_TIMESTAMP', "'a' || 'b'", ''])(
    'the expression %j is reported with its line, and the row after it is read',
    async (expression) => {
      const dump = mysqlDump({
        ...TABLES,
        client: [
          [1, 17, CREATED, 'VALUE', null, null, null],
          [2, 17, CREATED, 'B', null, null, null],
        ],
      }).replace("'VALUE'", expression)
      const { rows, bad } = await importPath(written(dump))
      expect(rows.map(({ client_id }) => client_id)).toEqual(['2'])
      const line = dump.slice(0, dump.indexOf('VALUES')).split('\n').length
      expect(bad[0]).toEqual({
        kind: 'bad',
        table: 'client',
        key: '1',
        line,
        field: 'name',
        rule: 'is an expression that cannot be read',
      })
    },
  )

  it('an empty field, \\N or NULL without quotes in a CSV file is read as NULL', async () => {
    const path = csvOf(TABLES)
    const row = (redirectUri: string) => `1,17,${CREATED},A,NULL,\\N,${redirectUri}\n`
    for (const nothing of ['', 'NULL', '\\N']) {
      writeFileSync(join(path, 'client.csv'), csvText('client', []) + row(nothing))
      const { rows } = await importPath(path)
      expect(rows[0]).toMatchObject({ url: '', description: '', redirect_uris: [] })
    }
    writeFileSync(join(path, 'client.csv'), `\uFEFF${csvText('client', [])}${row('"NULL"')}`)
    const { bad } = await importPath(path)
    expect(bad).toContainEqual(expect.objectContaining({ key: '1', field: 'redirect_uri' }))
  })

  it('the columns of a CSV file may be in any order', async () => {
    const path = csvOf(TABLES)
    writeFileSync(
      join(path, 'client.csv'),
      `extra,Name,client_id,redirect_uri,owner_id,url,description,created\n,"A, ""B""",1,,17,,,\n\n`,
    )
    const { rows } = await importPath(path)
    expect(rows).toMatchObject([{ client_id: '1', name: 'A, "B"', created_at: NOW }])
  })
})

describe('a file that lacks a part of the original tables', () => {
  const without = (column: string) =>
    sqliteDump(TABLES).replace(`\t${column} `, `\tother_${column} `)
  const FILES: readonly [string, () => string, RegExp][] = [
    ['a path that does not exist', () => newPath('.sql'), /ENOENT/],
    ['an empty file', () => written(''), /no table client, client_credential/],
    ['a text that is not SQL', () => written("Dear administrator, don't"), /ends inside a text/],
    [
      'a dump that lacks a table',
      () => written(mysqlDump(TABLES).replaceAll('client_grant_type', 'other')),
      /no table client_grant_type/,
    ],
    [
      'a dump that lacks a column',
      () => written(without('redirect_uri')),
      /line \d+: the table client has no column redirect_uri/,
    ],
    [
      'a dump that ends inside a text',
      () => written(mysqlDump(TABLES).split('second line')[0] ?? ''),
      /line \d+: the file ends inside a text/,
    ],
    [
      'a dump that ends inside a statement',
      () => written(mysqlDump(TABLES).split(",'submission:create')")[0] ?? ''),
      /line \d+: the file ends inside the statement/,
    ],
    [
      'a dump that ends after a comma',
      () => written(`${mysqlDump(TABLES)}INSERT INTO client VALUES (7,7,NULL,'x',NULL,NULL,NULL),`),
      /line \d+: the file ends inside the statement/,
    ],
    [
      'a dump without definitions',
      () => written(mysqlDump(TABLES).replace(/CREATE TABLE[^;]*;/g, '')),
      /no CREATE TABLE is before it/,
    ],
    [
      'a dump with COPY',
      () => written('COPY public.client (client_id) FROM stdin;\n1\n\\.\n'),
      /pg_dump --inserts/,
    ],
    [
      'a dump in another character set',
      () => written(mysqlDump(TABLES, 'cp932')),
      /--default-character-set=utf8mb4/,
    ],
    ['a compressed dump', () => written(Uint8Array.of(0x1f, 0x8b, 8)), /gunzip/],
    [
      'one CSV file',
      () => written(csvText('client', []), '.csv'),
      /client\.csv, client_credential\.csv/,
    ],
    ['a directory without CSV files', () => directory, /client\.csv: ENOENT/],
    [
      'a SQLite file that is damaged',
      () => written(`SQLite format 3\0${'x'.repeat(4096)}`, '.db'),
      /SQLite cannot read it/,
    ],
    [
      'a SQLite file without the tables',
      () => {
        const path = newPath('.db')
        new DatabaseSync(path).exec('CREATE TABLE client_credential (a)')
        return path
      },
      /the table client_credential has no column credential_id/,
    ],
    [
      'a CSV file with an open quote',
      () => {
        const path = csvOf(TABLES)
        writeFileSync(join(path, 'client.csv'), `${csvText('client', TABLES.client)}7,7,,"x`)
        return path
      },
      /client\.csv: line \d+: a quoted value that begins in this row never ends/,
    ],
    [
      'a CSV file without one of the columns',
      () => {
        const path = csvOf(TABLES)
        writeFileSync(join(path, 'client.csv'), 'client_id,name\n1,A\n')
        return path
      },
      /client\.csv: line 1: the table client has no column owner_id/,
    ],
  ]
  it.each(FILES)(
    'importing from %s is refused before any request is sent',
    async (_, make, sentence) => {
      let sent = 0
      const refused = importPath(make(), null, () => {
        sent++
        return { outcome: 'created' }
      })
      await expect(refused).rejects.toThrow(sentence)
      expect(sent).toBe(0)
    },
  )
})

describe('bad rows', () => {
  const client = (more: Partial<Record<number, string | number | null>> = {}) =>
    [7, 17, CREATED, 'A', null, null, 'https://a.example/cb'].map((value, index) =>
      index in more ? (more[index] ?? null) : value,
    )
  type Fault = readonly [
    name: string,
    rows: Partial<Tables>,
    at: readonly [keyof Tables, string, string | null],
    rule: RegExp,
  ]
  const CLIENTS: readonly Fault[] = [
    [
      'an empty name',
      { client: [client({ 3: ' ' })] },
      ['client', '7', 'name'],
      /^must not be empty$/,
    ],
    [
      'a name that is too long',
      { client: [client({ 3: 'x'.repeat(1001) })] },
      ['client', '7', 'name'],
      /longer than 1000/,
    ],
    [
      'no owner',
      { client: [client({ 1: null })] },
      ['client', '7', 'owner_id'],
      /^must not be empty$/,
    ],
    [
      'a url that is not a URL',
      { client: [client({ 4: 'www.a.example' })] },
      ['client', '7', 'url'],
      /not an http or https URL/,
    ],
    [
      'an http redirect URI',
      { client: [client({ 6: 'http://a.example/cb' })] },
      ['client', '7', 'redirect_uri'],
      /must be https/,
    ],
    [
      'a redirect URI with a fragment',
      { client: [client({ 6: 'https://a.example/#a' })] },
      ['client', '7', 'redirect_uri'],
      /fragment/,
    ],
    [
      'a date of zeros',
      { client: [client({ 2: '0000-00-00 00:00:00' })] },
      ['client', '7', 'created'],
      /is not a date/,
    ],
    [
      'the 30th of February',
      { client: [client({ 2: '2018-02-30 00:00:00' })] },
      ['client', '7', 'created'],
      /is not a date/,
    ],
    [
      'the 25th hour',
      { client: [client({ 2: '2018-02-03 25:00:00' })] },
      ['client', '7', 'created'],
      /is not a date/,
    ],
  ]
  const PARTS: readonly Fault[] = [
    [
      'a secret that is not a digest',
      { client_credential: [[7, 7, 'plain secret', CREATED]] },
      ['client_credential', '7', 'client_secret'],
      /hex SHA-256/,
    ],
    [
      'no secret',
      { client_credential: [[7, 7, null, CREATED]] },
      ['client_credential', '7', 'client_secret'],
      /hex SHA-256/,
    ],
    [
      'a second secret',
      {
        client_credential: [
          [7, 7, DIGEST, CREATED],
          [8, 7, DIGEST.replace('b', 'c'), CREATED],
        ],
      },
      ['client_credential', '8', 'client_id'],
      /credential_id 7/,
    ],
    [
      'a scope with a space',
      { client_authorization: [[7, 7, CREATED, CREATED, 'a b']] },
      ['client_authorization', '7', 'scope'],
      /is not a scope/,
    ],
    [
      'no scope',
      { client_authorization: [[7, 7, CREATED, CREATED, null]] },
      ['client_authorization', '7', 'scope'],
      /is not a scope/,
    ],
    [
      'a scope of this registry',
      { client_authorization: [[7, 7, CREATED, CREATED, 'registry:admin']] },
      ['client_authorization', '7', 'scope'],
      /would administer this registry/,
    ],
    [
      'a bad date',
      { client_authorization: [[7, 7, CREATED, 'yesterday', 'a:b']] },
      ['client_authorization', '7', 'authorized'],
      /is not a date/,
    ],
    [
      'another grant type',
      { client_grant_type: [[7, 7, CREATED, CREATED, 'password']] },
      ['client_grant_type', '7', 'grant_type'],
      /unknown grant type "password"/,
    ],
    [
      'a client that is not there',
      { client_grant_type: [[7, 99, CREATED, CREATED, 'client_credentials']] },
      ['client_grant_type', '7', 'client_id'],
      /"99"/,
    ],
    [
      'no client',
      { client_grant_type: [[7, null, CREATED, CREATED, 'client_credentials']] },
      ['client_grant_type', '7', 'client_id'],
      /^must not be empty$/,
    ],
  ]
  const tablesWith = (rows: Partial<Tables>): Tables => ({
    client: [...(rows.client ?? [client()]), [8, 17, CREATED, 'B', null, null, null]],
    client_credential: rows.client_credential ?? [],
    client_authorization: rows.client_authorization ?? [],
    client_grant_type: rows.client_grant_type ?? [],
  })

  it.each(CLIENTS)(
    'a client with %s is reported and left out, and the next one is imported',
    async (_, rows, [table, key, field], rule) => {
      for (const [, make] of FORMS) {
        const { bad, rows: sent, summary } = await importPath(make(tablesWith(rows)))
        expect(bad).toMatchObject([{ table, key, field, rule: expect.stringMatching(rule) }])
        expect(sent.map(({ client_id }) => client_id)).toEqual(['8'])
        expect(summary).toEqual({
          clients: 2,
          created: 1,
          unchanged: 0,
          notImported: 1,
          badRows: 1,
        })
      }
    },
  )

  it.each(PARTS)(
    'a row with %s is reported and left out, and its client is imported',
    async (_, rows, [table, key, field], rule) => {
      for (const [, make] of FORMS) {
        const { bad, rows: sent, summary } = await importPath(make(tablesWith(rows)))
        expect(bad).toMatchObject([{ table, key, field, rule: expect.stringMatching(rule) }])
        expect(sent.map(({ client_id }) => client_id)).toEqual(['7', '8'])
        expect(summary).toEqual({
          clients: 2,
          created: 2,
          unchanged: 0,
          notImported: 0,
          badRows: 1,
        })
        const [{ permissions = [], credentials = [] } = {}] = sent
        expect([permissions.length, credentials.length]).toEqual([
          0,
          rows.client_credential?.length === 2 ? 1 : 0,
        ])
      }
    },
  )

  it('the code grant of a client without a redirect URI is reported and left out', async () => {
    const tables = tablesWith({
      client: [client({ 6: '' })],
      client_grant_type: [[7, 7, CREATED, CREATED, 'authorization_code']],
    })
    const { bad, rows } = await importPath(written(mysqlDump(tables)))
    expect(bad).toMatchObject([
      {
        table: 'client_grant_type',
        key: '7',
        field: 'grant_type',
        rule: expect.stringContaining('needs a redirect URI'),
      },
    ])
    expect(rows[0]).toMatchObject({ client_id: '7', permissions: [] })
  })

  it('a bad row in a dump or a CSV file is reported with its line, also after rows of many lines', async () => {
    const tables = tablesWith({
      client: [[1, 17, CREATED, 'A', null, 'one\ntwo\n\nthree', null], client({ 3: '' })],
    })
    const dump = sqliteDump(tables)
    const lineIn = (text: string, part: string) =>
      text.slice(0, text.indexOf(part)).split('\n').length
    expect((await importPath(written(dump))).bad[0]?.line).toBe(lineIn(dump, 'VALUES(7,'))
    const csv = csvText('client', tables.client)
    expect((await importPath(csvOf(tables))).bad[0]?.line).toBe(lineIn(csv, '\n7,') + 1)
    expect((await importPath(sqliteOf(tables))).bad[0]?.line).toBeNull()
  })

  it('a row with too many or too few values is reported, and the next row is imported', async () => {
    const dump = mysqlDump(tablesWith({})).replace('(7,17,', "(7,17,'more',")
    const { bad, rows } = await importPath(written(dump))
    expect(bad).toMatchObject([
      {
        table: 'client',
        key: null,
        field: null,
        rule: 'has 8 values where the table has 7 columns',
      },
    ])
    expect(rows.map(({ client_id }) => client_id)).toEqual(['8'])
    const path = csvOf(tablesWith({}))
    writeFileSync(join(path, 'client.csv'), csvText('client', [[7, 17, CREATED], client()]))
    expect((await importPath(path)).bad).toMatchObject([
      { line: 2, rule: 'has 3 values where the first row has 7 columns' },
    ])
    writeFileSync(
      join(path, 'client.csv'),
      `${csvText('client', [])}7,17,,"A"x,,,\n8,17,,A"b,,,\n9,17,,C,,,\n`,
    )
    const beside = await importPath(path)
    expect(beside.bad.map(({ line }) => line)).toEqual([2, 3])
    expect(beside.rows.map(({ client_id }) => client_id)).toEqual(['9'])
  })

  it('a row with the key of an earlier row is reported, and the earlier row is imported', async () => {
    const { bad, rows } = await importPath(
      written(mysqlDump(tablesWith({ client: [client(), client({ 3: 'Other' })] }))),
    )
    expect(bad).toMatchObject([
      { table: 'client', key: '7', field: 'client_id', rule: 'is that of an earlier row' },
    ])
    expect(rows[0]?.name).toBe('A')
  })

  it('clients without an owner get the owner that the operator gives', async () => {
    const { rows, bad } = await importPath(
      written(mysqlDump(tablesWith({ client: [client({ 1: null })] }))),
      'library',
    )
    expect(bad).toEqual([])
    expect(rows.map(({ owner_id }) => owner_id)).toEqual(['library', '17'])
  })

  it('the report of bad rows contains neither a secret nor its digest', async () => {
    const tables = tablesWith({
      client_credential: [
        [7, 7, 'plain secret', CREATED],
        [8, 8, DIGEST, CREATED],
        [9, 8, DIGEST, CREATED],
      ],
    })
    const { bad } = await importPath(written(mysqlDump(tables)))
    expect(bad).toHaveLength(2)
    expect(JSON.stringify(bad)).not.toMatch(new RegExp(`plain secret|${DIGEST}`))
  })
})

describe('requests of an import', () => {
  const many = (count: number, description = 'x'): Tables => ({
    ...TABLES,
    client: Array.from({ length: count }, (_, index) => [
      index + 1,
      17,
      CREATED,
      'A',
      null,
      description,
      'https://a.example/',
    ]),
  })

  it('clients are sent in the order of their ids, 200 in a request, and the progress is printed', async () => {
    const { rows, sizes, lines, summary } = await importPath(sqliteOf(many(10_401)))
    expect(rows.map(({ client_id }) => Number(client_id))).toEqual(
      Array.from({ length: 10_401 }, (_, index) => index + 1),
    )
    expect(sizes.filter((size) => size !== 200)).toEqual([1])
    expect(lines).toEqual([
      expect.stringMatching(/^5,000 of 10,401 clients, 500 a second$/),
      expect.stringMatching(/^10,000 of 10,401 clients, 500 a second$/),
    ])
    expect(summary).toMatchObject({ created: 10_401 })
  })

  it('clients with long texts are sent in smaller requests', async () => {
    const { sizes, summary } = await importPath(sqliteOf(many(100, '物'.repeat(10_000))))
    expect(Math.max(...sizes)).toBeLessThan(30)
    expect(summary).toMatchObject({ created: 100 })
  })

  it('a client that the registry refuses is reported as a bad row', async () => {
    const { bad, summary } = await importPath(written(mysqlDump(TABLES)), null, ({ client_id }) =>
      client_id === '1'
        ? { outcome: 'refused', problem: { detail: 'it is there' } }
        : { outcome: 'unchanged' },
    )
    expect(bad).toMatchObject([
      { table: 'client', key: '10' },
      { table: 'client', key: '1', rule: 'it is there' },
    ])
    expect(summary).toEqual({ clients: 3, created: 0, unchanged: 1, notImported: 2, badRows: 2 })
  })
})
