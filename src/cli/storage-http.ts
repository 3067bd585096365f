/** D1 and KV over Cloudflare's HTTP API, or over the same interface of a registry running on this machine. */

import { Refusal } from '../local/refusal.ts'
import type { Database, TextNamespace } from '../stores/database.ts'
import { type Api, callApi, readFromApi, refusalOf } from './cloudflare-api.ts'

const THE_DATABASE = 'the database'

type Parameter = string | null
type Query = Readonly<{ sql: string; params: readonly Parameter[] }>

/** The interface takes text. The affinity of a STRICT column turns it back into a number. */
function asParameter(value: unknown): Parameter {
  if (value === null || typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  throw new TypeError(`a parameter cannot be ${typeof value}`)
}

const isRead = ({ sql }: Query) => /^\s*SELECT\b/i.test(sql)

async function send(
  api: Api,
  databaseId: string,
  body: Query | Readonly<{ batch: readonly Query[] }>,
): Promise<readonly D1Result[]> {
  const queries = 'batch' in body ? body.batch : [body]
  const answer = await callApi(api, THE_DATABASE, {
    method: 'POST',
    path: `/d1/database/${encodeURIComponent(databaseId)}/query`,
    contentType: 'application/json',
    body: JSON.stringify(body),
    writes: !queries.every(isRead),
  })
  if (!answer.result) throw refusalOf(THE_DATABASE, answer.status, answer)
  return answer.result as readonly D1Result[]
}

/** Every value is a bound parameter. A batch is one request and one transaction. */
export function d1OverHttp(api: Api, databaseId: string): Database {
  const queries = new WeakMap<object, Query>()

  const statement = (query: Query): D1PreparedStatement => {
    const run = async () => {
      const [result] = await send(api, databaseId, query)
      if (!result) throw new Refusal('the database answered without a result')
      return result
    }
    const prepared = {
      bind: (...values: unknown[]) => statement({ ...query, params: values.map(asParameter) }),
      run,
      all: run,
      async first(column?: string) {
        const row = (await run()).results[0] as Record<string, unknown> | undefined
        if (!row) return null
        return column === undefined ? row : row[column]
      },
    }
    queries.set(prepared, query)
    // `raw` is not offered: no store uses it.
    return prepared as unknown as D1PreparedStatement
  }

  return {
    prepare: (sql: string) => statement({ sql, params: [] }),
    async batch<T>(statements: D1PreparedStatement[]) {
      const batch = statements.map((prepared) => queries.get(prepared) as Query)
      return [...(await send(api, databaseId, { batch }))] as D1Result<T>[]
    },
  }
}

export function kvOverHttp(api: Api, namespaceId: string): TextNamespace {
  const pathOf = (key: string) =>
    `/storage/kv/namespaces/${encodeURIComponent(namespaceId)}/values/${encodeURIComponent(key)}`
  return {
    async put(key, value, { expirationTtl } = {}) {
      const ttl = expirationTtl === undefined ? '' : `?expiration_ttl=${expirationTtl}`
      await callApi(api, 'KV', {
        method: 'PUT',
        path: `${pathOf(key)}${ttl}`,
        contentType: 'application/octet-stream',
        body: value,
      })
    },
    get: (key) => readFromApi(api, 'KV', pathOf(key)),
    async delete(key) {
      await callApi(api, 'KV', { method: 'DELETE', path: pathOf(key) })
    },
  }
}
