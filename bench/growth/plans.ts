/** Query plans on a grown database, as it stands and after ANALYZE has told SQLite how its rows are spread. */

import { DatabaseSync } from 'node:sqlite'
import { anyValues, isScan, statements } from '../../test/workers/statements.ts'
import { databaseFile } from './grow.ts'

export type Plans = Readonly<{ statements: number; scans: readonly string[] }>

/** Leaves the database without statistics, as it was. */
export function readPlans(stateDir: string): Plans {
  const sqlite = new DatabaseSync(databaseFile(stateDir))
  const scansOf = ([name, sql]: readonly [string, string]) =>
    sqlite
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...anyValues(sql))
      .map(({ detail }) => String(detail))
      .filter(isScan)
      .map((detail) => `${name}: ${detail}`)
  try {
    if (scansOf(['control', 'SELECT * FROM client WHERE name = ?1']).length === 0) {
      throw new Error('a scan was not seen')
    }
    const asItStands = statements.flatMap(scansOf)
    sqlite.exec('ANALYZE')
    const analyzed = statements.flatMap(scansOf)
    sqlite.exec('DROP TABLE sqlite_stat1')
    sqlite.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return { statements: statements.length, scans: [...new Set([...asItStands, ...analyzed])] }
  } finally {
    sqlite.close()
  }
}
