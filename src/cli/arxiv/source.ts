/** Finds the form in which the original's tables are given, and reads them piece by piece. */

import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { oneLine, Refusal } from '../../local/refusal.ts'
import { readCsv } from './csv.ts'
import { readSqlDump } from './sql-dump.ts'
import { bytesAsText } from './sql-tokens.ts'
import { type Found, rowReader, TABLE_NAMES } from './tables.ts'

const SQLITE_MAGIC = 'SQLite format 3\0'
const GZIP_MAGIC = '\x1f\x8b'
/** A dump names its character set within this size, before its first row. */
const HEAD_BYTES = 65_536

/** The character sets by MySQL's names. MySQL's latin1 is Windows-1252. */
const CHARACTER_SETS: Readonly<Record<string, string>> = {
  utf8: 'utf-8',
  utf8mb3: 'utf-8',
  utf8mb4: 'utf-8',
  ascii: 'utf-8',
  binary: 'utf-8',
  latin1: 'windows-1252',
}

async function headOf(file: string): Promise<string> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

function characterSetOf(head: string): string {
  const [beforeRows = ''] = head.split(/^INSERT /m, 1)
  const [, named = 'utf8'] = /\bSET NAMES '?(\w+)/i.exec(beforeRows) ?? []
  const found = CHARACTER_SETS[named.toLowerCase()]
  if (found) return found
  throw new Refusal(
    `the dump is in the character set ${named}: write it with --default-character-set=utf8mb4`,
  )
}

/** Bytes that are not text become U+FFFD, which no row may contain: so a bad row does not stop the others. */
async function* piecesOf(file: string, characterSet = 'utf-8'): AsyncGenerator<string> {
  const decoder = new TextDecoder(characterSet)
  for await (const bytes of createReadStream(file)) {
    yield decoder.decode(bytes as Uint8Array, { stream: true })
  }
  yield decoder.decode()
}

async function* readDirectory(directory: string): AsyncGenerator<Found> {
  for (const table of TABLE_NAMES) {
    const name = `${table}.csv`
    try {
      yield* readCsv(table, piecesOf(join(directory, name)))
    } catch (fault) {
      throw new Refusal(`${name}: ${oneLine(fault)}`)
    }
  }
}

const asText = (value: SQLOutputValue | undefined): string | null => {
  if (value === null || value === undefined) return null
  return value instanceof Uint8Array ? bytesAsText(value) : String(value)
}

/** The file is not changed. Throws a Refusal if SQLite cannot read it. */
function* readSqliteFile(file: string): Generator<Found> {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { readOnly: true, readBigInts: true })
    for (const table of TABLE_NAMES) {
      const given = db
        .prepare('SELECT name FROM pragma_table_info(?)')
        .all(table)
        .map(({ name }) => String(name))
      if (given.length === 0) continue
      const rowOf = rowReader(table, { given, head: 'the table' })
      yield { kind: 'table', table }
      for (const row of db.prepare(`SELECT * FROM ${table}`).iterate()) {
        yield rowOf(
          given.map((name) => asText(row[name])),
          null,
        )
      }
    }
  } catch (fault) {
    if (fault instanceof Refusal) throw fault
    throw new Refusal(`SQLite cannot read it: ${oneLine(fault)}`)
  } finally {
    db?.close()
  }
}

async function* readFile(file: string): AsyncGenerator<Found> {
  const head = await headOf(file)
  if (head.startsWith(SQLITE_MAGIC)) yield* readSqliteFile(file)
  else if (head.startsWith(GZIP_MAGIC)) throw new Refusal('it is compressed: unpack it with gunzip')
  else if (/\.csv$/i.test(file)) {
    const names = TABLE_NAMES.map((table) => `${table}.csv`).join(', ')
    throw new Refusal(`a CSV dump is a directory with one file for each table: ${names}`)
  } else yield* readSqlDump(piecesOf(file, characterSetOf(head)))
}

/** Throws a Refusal that names the path if the path cannot be read, or if the dump is not complete. */
export async function* readSource(path: string): AsyncGenerator<Found> {
  const seen = new Set<string>()
  try {
    const isDirectory = (await stat(path)).isDirectory()
    for await (const found of isDirectory ? readDirectory(path) : readFile(path)) {
      if (found.kind === 'table') seen.add(found.table)
      yield found
    }
    const missing = TABLE_NAMES.filter((table) => !seen.has(table))
    if (missing.length > 0) {
      throw new Refusal(`it has no table ${missing.join(', ')} of the original registry`)
    }
  } catch (fault) {
    throw new Refusal(`${JSON.stringify(path)}: ${oneLine(fault)}`)
  }
}
