/** The state of a stopped registry: rows of D1, keys and values of KV, and the raw files. */

import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { persistencePath } from '../../src/local/run-workers.ts'
import type { Trace } from './evidence.ts'

const TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"

function rowsOf(path: string, traceOf: (table: string, text: string) => Trace): Trace[] {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const tables = database.prepare(TABLES).all() as { name: string }[]
    return tables.flatMap(({ name }) =>
      database
        .prepare(`SELECT * FROM "${name}"`)
        .all()
        .map((row) => traceOf(name, Object.values(row).join('\n'))),
    )
  } finally {
    database.close()
  }
}

export async function leftState(stateDir: string): Promise<Trace[]> {
  const folder = persistencePath(stateDir)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  const traces = files.map(async (path): Promise<Trace[]> => {
    const name = relative(folder, path)
    const bytes = await readFile(path, 'latin1')
    // The file still contains deleted rows for a while.
    const file: Trace = { kind: 'file', where: name, text: bytes }
    if (/^kv\/.*\/blobs\//.test(name)) {
      const [, namespace] = name.split('/')
      return [file, { kind: 'value', where: `KV ${namespace}`, text: bytes }]
    }
    if (!name.endsWith('.sqlite') || name.endsWith('metadata.sqlite')) return [file]
    if (name.startsWith('kv/')) {
      return [file, ...rowsOf(path, (_, text) => ({ kind: 'key', where: 'KV', text }))]
    }
    return [file, ...rowsOf(path, (table, text) => ({ kind: 'row', where: table, text }))]
  })
  return (await Promise.all(traces)).flat()
}
