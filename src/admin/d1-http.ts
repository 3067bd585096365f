/** A database over D1's HTTP query interface: Cloudflare's own, or that of a registry running on this machine. */

import { Refusal } from '../operate/refusal.ts'
import type { Database } from '../stores/database.ts'

export type D1HttpAddress = Readonly<{
  /** `https://api.cloudflare.com/client/v4`, or what stands in for it. */
  baseUrl: string
  accountId: string
  databaseId: string
  /** Sent as a bearer token, and never put into a message. */
  token: string
}>

type Parameter = string | null
type Query = Readonly<{ sql: string; params: readonly Parameter[] }>
type Answer = Readonly<{
  success?: boolean
  errors?: readonly Readonly<{ code?: number; message?: string }>[]
  result?: readonly D1Result[]
}>

const TIMEOUT_MS = 30_000

/** The interface takes text; the affinity of a STRICT column makes a number of it again. */
function asParameter(value: unknown): Parameter {
  if (value === null || typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  throw new TypeError(`a parameter cannot be ${typeof value}`)
}

const whyUnreachable = (fault: unknown) => {
  const cause = fault instanceof Error ? (fault.cause ?? fault) : fault
  return cause instanceof Error ? cause.message || cause.name : String(cause)
}

/** What a failed query throws, in the words of D1. */
function refusalOf(status: number, answer: Answer | null): Refusal {
  const [error] = answer?.errors ?? []
  const words = error?.message ?? 'no reason given'
  const hint = words.includes('no such table') ? ' (apply the migrations first)' : ''
  return new Refusal(`the database answered ${status}: ${words}${hint}`)
}

async function send(address: D1HttpAddress, body: object): Promise<readonly D1Result[]> {
  const { baseUrl, accountId, databaseId, token } = address
  const account = encodeURIComponent(accountId)
  const url = `${baseUrl}/accounts/${account}/d1/database/${encodeURIComponent(databaseId)}/query`
  const response = await fetch(url, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((fault: unknown) => {
    throw new Refusal(`cannot reach the database at ${baseUrl}: ${whyUnreachable(fault)}`)
  })
  const answer = (await response.json().catch(() => null)) as Answer | null
  if (!response.ok || !answer?.success || !answer.result) throw refusalOf(response.status, answer)
  return answer.result
}

/** Every value travels as a bound parameter. A batch is one request, and one transaction there. */
export function d1OverHttp(address: D1HttpAddress): Database {
  const queries = new WeakMap<object, Query>()

  const statement = (query: Query): D1PreparedStatement => {
    const run = async () => {
      const [result] = await send(address, query)
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
      const batch = statements.map((prepared) => queries.get(prepared))
      return [...(await send(address, { batch }))] as D1Result<T>[]
    },
  }
}
