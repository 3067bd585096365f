/** Bindings that tell how often storage is asked, for the log. */

import type { Database, Namespace } from './database.ts'

type Count = (kind: 'd1' | 'kvReads' | 'kvWrites', times: number) => void

/** A statement is counted when it is prepared, since each is asked once; those of a batch are one round trip. */
export const countedDatabase = (db: Database, count: Count): Database => ({
  prepare(sql) {
    count('d1', 1)
    return db.prepare(sql)
  },
  batch(statements) {
    count('d1', 1 - statements.length)
    return db.batch(statements)
  },
})

export function countedNamespace(kv: KVNamespace, count: Count): Namespace {
  const read = (...words: Parameters<KVNamespace['get']>) => {
    count('kvReads', 1)
    return kv.get(...words)
  }
  return {
    // Its many signatures are those of the binding.
    get: read as KVNamespace['get'],
    put(key, value, options) {
      count('kvWrites', 1)
      return kv.put(key, value, options)
    },
    delete(key) {
      count('kvWrites', 1)
      return kv.delete(key)
    },
  }
}
