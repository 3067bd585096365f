/**
 * Cloudflare's HTTP interfaces of D1 (queries) and KV (one value) over bindings, behind a bearer token: while
 * `npm start` runs, the command line writes through it, so that one process alone writes the state. It is a worker because
 * each call of Miniflare's bindings for Node blocks the thread that reads the runtime's log, and the runtime waits until
 * its log is read. Never deployed.
 */

import * as z from 'zod/mini'
import { equalInConstantTime } from '../crypto/digest.ts'
import { oneLine } from './refusal.ts'

export type Bindings = Readonly<{
  DB: D1Database
  SESSIONS: KVNamespace
  CODES: KVNamespace
  /** What the command line shows. */
  TOKEN: string
}>

const QUERY_PATH = /^\/accounts\/[^/]+\/d1\/database\/[^/]+\/query$/
const VALUE_PATH = /^\/accounts\/[^/]+\/storage\/kv\/namespaces\/(SESSIONS|CODES)\/values\/([^/]+)$/
const MAX_BODY_BYTES = 4 * 1024 * 1024
/** Cloudflare's codes for a failed query, a failure or no such key of KV, and a wrong token. */
const QUERY_FAILED = 7500
const KV_FAILED = 10001
const NO_SUCH_KEY = 10009
const NOT_AUTHENTICATED = 10000
const NO_SUCH_ROUTE = 7003

const Parameter = z.union([z.string(), z.number(), z.null()])
const Query = z.object({ sql: z.string(), params: z._default(z.array(Parameter), []) })
const Body = z.union([z.object({ batch: z.array(Query) }), Query])

async function readBody(request: Request): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new RangeError('the body is too large')
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

async function query(db: D1Database, text: string): Promise<D1Result[]> {
  const body = Body.parse(JSON.parse(text))
  const queries = 'batch' in body ? body.batch : [body]
  const [first, ...rest] = queries.map(({ sql, params }) => db.prepare(sql).bind(...params))
  if (!first) return []
  return 'batch' in body ? db.batch([first, ...rest]) : [await first.all()]
}

async function write(namespace: KVNamespace, key: string, url: URL, text: string) {
  const ttl = url.searchParams.get('expiration_ttl')
  await namespace.put(key, text, ttl === null ? {} : { expirationTtl: Number(ttl) })
}

const respondJson = (status: number, result: unknown, error?: object) =>
  Response.json({ success: !error, errors: error ? [error] : [], messages: [], result }, { status })

const sendValue = (value: string | null) =>
  value === null
    ? respondJson(404, null, { code: NO_SUCH_KEY, message: "get: 'key not found'" })
    : new Response(value)

async function respond(request: Request, env: Bindings): Promise<Response> {
  const shown = request.headers.get('Authorization') ?? ''
  if (!equalInConstantTime(shown, `Bearer ${env.TOKEN}`)) {
    return respondJson(401, null, { code: NOT_AUTHENTICATED, message: 'Authentication error' })
  }
  const url = new URL(request.url)
  const [, binding, quotedKey] = VALUE_PATH.exec(url.pathname) ?? []
  const isQuery = request.method === 'POST' && QUERY_PATH.test(url.pathname)
  const isValue = quotedKey !== undefined && /^(?:GET|PUT|DELETE)$/.test(request.method)
  if (!isQuery && !isValue) {
    return respondJson(404, null, { code: NO_SUCH_ROUTE, message: 'No such route' })
  }
  try {
    const text = await readBody(request)
    if (quotedKey === undefined) return respondJson(200, await query(env.DB, text))
    const key = decodeURIComponent(quotedKey)
    const namespace = binding === 'CODES' ? env.CODES : env.SESSIONS
    if (request.method === 'GET') return sendValue(await namespace.get(key))
    if (request.method === 'PUT') await write(namespace, key, url, text)
    else await namespace.delete(key)
    return respondJson(200, {})
  } catch (fault) {
    const code = isQuery ? QUERY_FAILED : KV_FAILED
    return respondJson(400, isQuery ? [] : null, { code, message: oneLine(fault) })
  }
}

export default { fetch: respond } satisfies ExportedHandler<Bindings>
