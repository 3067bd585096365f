/** Bindings that call a function around each storage operation, to count or delay it. */

export type StorageOperation = 'd1 near' | 'd1' | 'kv read' | 'kv write' | 'kv delete'

/** Called around one operation. */
export type Around = <T>(operation: StorageOperation, act: () => Promise<T>) => Promise<T>

const RUNS = new Set(['first', 'all', 'run', 'raw'])

function watchStatement(
  statement: D1PreparedStatement,
  operation: StorageOperation,
  around: Around,
): D1PreparedStatement {
  return new Proxy(statement, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      if (property === 'bind') {
        return (...values: unknown[]) => watchStatement(target.bind(...values), operation, around)
      }
      if (!RUNS.has(String(property))) return value.bind(target)
      return (...words: unknown[]) => around(operation, async () => value.apply(target, words))
    },
  })
}

/** A batch counts as one operation. A session that may read from a replica is `d1 near`. */
export function watchDatabase(
  db: D1Database,
  around: Around,
  operation: StorageOperation = 'd1',
): D1Database {
  return new Proxy(db, {
    get(target, property) {
      if (property === 'prepare') {
        return (sql: string) => watchStatement(target.prepare(sql), operation, around)
      }
      if (property === 'batch') {
        return (statements: D1PreparedStatement[]) =>
          around(operation, () => target.batch(statements))
      }
      if (property === 'withSession') {
        return (how: string) =>
          watchDatabase(
            target.withSession(how) as unknown as D1Database,
            around,
            how === 'first-unconstrained' ? 'd1 near' : 'd1',
          )
      }
      return Reflect.get(target, property, target)
    },
  })
}

const KV_OPERATIONS: Readonly<Record<string, StorageOperation>> = {
  get: 'kv read',
  put: 'kv write',
  delete: 'kv delete',
}

export function watchNamespace(namespace: KVNamespace, around: Around): KVNamespace {
  return new Proxy(namespace, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      const operation = KV_OPERATIONS[String(property)]
      if (!operation) return value.bind(target)
      return (...words: unknown[]) => around(operation, async () => value.apply(target, words))
    },
  })
}
