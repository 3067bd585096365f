/** The tables of the original registry as files: SQLite, dumps of MySQL and SQLite, and CSV. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

type Value = string | number | null
export type Tables = Readonly<{
  client: readonly (readonly Value[])[]
  client_credential: readonly (readonly Value[])[]
  client_authorization: readonly (readonly Value[])[]
  client_grant_type: readonly (readonly Value[])[]
}>

/** The table definitions as SQLAlchemy writes them, with the columns in the original order. */
const DEFINITIONS: Readonly<Record<keyof Tables, readonly (readonly [string, string])[]>> = {
  client: [
    ['client_id', 'INTEGER NOT NULL'],
    ['owner_id', 'INTEGER'],
    ['created', 'DATETIME'],
    ['name', 'VARCHAR(255)'],
    ['url', 'VARCHAR(255)'],
    ['description', 'TEXT'],
    ['redirect_uri', 'VARCHAR(255)'],
  ],
  client_credential: [
    ['credential_id', 'INTEGER NOT NULL'],
    ['client_id', 'INTEGER'],
    ['client_secret', 'VARCHAR(255)'],
    ['created', 'DATETIME'],
  ],
  client_authorization: [
    ['authorization_id', 'INTEGER NOT NULL'],
    ['client_id', 'INTEGER'],
    ['requested', 'DATETIME'],
    ['authorized', 'DATETIME'],
    ['scope', 'VARCHAR(2056)'],
  ],
  client_grant_type: [
    ['grant_type_id', 'INTEGER NOT NULL'],
    ['client_id', 'INTEGER'],
    ['requested', 'DATETIME'],
    ['authorized', 'DATETIME'],
    ['grant_type', "ENUM('authorization_code','client_credentials')"],
  ],
}
const names = Object.keys(DEFINITIONS) as (keyof Tables)[]
const columnsOf = (table: keyof Tables) => DEFINITIONS[table].map(([name]) => name)

export function writeSqlite(file: string, tables: Tables) {
  const db = new DatabaseSync(file)
  db.exec('BEGIN')
  for (const table of names) {
    const columns = DEFINITIONS[table].map(
      ([name, type]) => `${name} ${type.replace(/ENUM.*/, 'VARCHAR(18)')}`,
    )
    db.exec(`CREATE TABLE ${table} (${columns.join(', ')}, PRIMARY KEY (${columnsOf(table)[0]}))`)
    const places = columns.map(() => '?').join(', ')
    const insert = db.prepare(`INSERT INTO ${table} VALUES (${places})`)
    for (const row of tables[table]) insert.run(...row)
  }
  db.exec('COMMIT')
  db.close()
}

const MYSQL_ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\n': '\\n',
  '\r': '\\r',
  '\x1a': '\\Z',
  '"': '\\"',
  "'": "\\'",
  '\\': '\\\\',
}
const mysqlValue = (value: Value) =>
  typeof value === 'string'
    ? // biome-ignore lint/suspicious/noControlCharactersInRegex: mysqldump escapes them.
      `'${value.replace(/[\0\n\r\x1a"'\\]/g, (one) => MYSQL_ESCAPES[one] ?? one)}'`
    : String(value ?? 'NULL')

/** A dump as `mysqldump` writes it: many rows in a statement. */
export const mysqlDump = (tables: Tables, characterSet = 'utf8mb4') =>
  `-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: registry
-- ------------------------------------------------------
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!50503 SET NAMES ${characterSet} */;
${names
  .map((table) => {
    const columns = DEFINITIONS[table].map(([name, type]) => `  \`${name}\` ${type},\n`)
    const rows = tables[table].map((row) => `(${row.map(mysqlValue).join(',')})`)
    const insert = `INSERT INTO \`${table}\` VALUES ${rows.join(',')};\n`
    return `
--
-- Table structure for table \`${table}\`
--
DROP TABLE IF EXISTS \`${table}\`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
CREATE TABLE \`${table}\` (
${columns.join('')}  PRIMARY KEY (\`${columnsOf(table)[0]}\`),
  KEY \`client_id\` (\`client_id\`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4;

LOCK TABLES \`${table}\` WRITE;
/*!40000 ALTER TABLE \`${table}\` DISABLE KEYS */;
${rows.length === 0 ? '' : insert}/*!40000 ALTER TABLE \`${table}\` ENABLE KEYS */;
UNLOCK TABLES;
`
  })
  .join('')}
-- Dump completed on 2026-11-01 12:00:00
`

/** A text with line feeds as `.dump` of SQLite 3.20 to 3.49 writes it: with a placeholder that the text does not contain. */
const sqliteValue = (value: Value) => {
  if (typeof value !== 'string') return String(value ?? 'NULL')
  const text = `'${value.replaceAll("'", "''")}'`
  const mark = text.includes('\\n') ? '\\012' : '\\n'
  return text.includes('\n') ? `replace(${text.replaceAll('\n', mark)},'${mark}',char(10))` : text
}

/** A dump as `.dump` of SQLite writes it: one row in a statement. */
export const sqliteDump = (tables: Tables) =>
  `PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
${names
  .map((table) => {
    const columns = DEFINITIONS[table].map(
      ([name, type]) => `\t${name} ${type.replace(/ENUM.*/, 'VARCHAR(18)')}, \n`,
    )
    const rows = tables[table].map(
      (row) => `INSERT INTO ${table} VALUES(${row.map(sqliteValue).join(',')});\n`,
    )
    return `CREATE TABLE ${table} (\n${columns.join('')}\tPRIMARY KEY (${columnsOf(table)[0]}), \n\tFOREIGN KEY(client_id) REFERENCES client (client_id)\n);\n${rows.join('')}`
  })
  .join('')}COMMIT;
`

const csvValue = (value: Value) =>
  typeof value === 'string' && /[",\r\n]|^(?:NULL|\\N|)$/.test(value)
    ? `"${value.replaceAll('"', '""')}"`
    : String(value ?? '')

export const csvText = (table: keyof Tables, rows: readonly (readonly Value[])[]) =>
  [columnsOf(table), ...rows].map((row) => `${row.map(csvValue).join(',')}\r\n`).join('')

export function writeCsv(directory: string, tables: Tables) {
  mkdirSync(directory)
  for (const table of names) {
    writeFileSync(join(directory, `${table}.csv`), csvText(table, tables[table]))
  }
}
