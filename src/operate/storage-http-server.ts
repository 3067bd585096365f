/**
 * Cloudflare's HTTP interfaces of D1 (queries) and KV (one value) over local ones, on a loopback port behind a bearer
 * token: while the registry runs, the command line writes through it, so that one process alone writes the state.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as logIsRead } from 'node:timers/promises'
import * as z from 'zod/mini'
import { equalInConstantTime } from '../crypto/digest.ts'
import { randomText } from '../crypto/random.ts'
import type { Database, TextNamespace } from '../stores/database.ts'
import { oneLine } from './refusal.ts'

const HOST = '127.0.0.1'
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

/** What the command line works on. */
export type Storage = Readonly<{
  db: Database
  sessions: TextNamespace
  codes: TextNamespace
}>
export type StorageHttpServer = Readonly<{
  url: string
  token: string
  close: () => Promise<void>
}>

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new RangeError('the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function query(db: Database, text: string): Promise<D1Result[]> {
  const body = Body.parse(JSON.parse(text))
  const queries = 'batch' in body ? body.batch : [body]
  const statements: D1PreparedStatement[] = []
  for (const { sql, params } of queries) {
    // Preparing holds this process up until the runtime answers, which waits itself when nobody reads its log.
    await logIsRead()
    statements.push(db.prepare(sql).bind(...params))
  }
  const [first, ...rest] = statements
  if (!first) return []
  return rest.length === 0 && !('batch' in body) ? [await first.all()] : db.batch([first, ...rest])
}

async function write(namespace: TextNamespace, key: string, url: URL, text: string) {
  const ttl = url.searchParams.get('expiration_ttl')
  await namespace.put(key, text, ttl === null ? {} : { expirationTtl: Number(ttl) })
}

function answer(response: ServerResponse, status: number, result: unknown, error?: object) {
  const body = { success: !error, errors: error ? [error] : [], messages: [], result }
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

/** As it stands. */
function sendValue(response: ServerResponse, value: string | null) {
  if (value !== null) response.writeHead(200).end(value)
  else answer(response, 404, null, { code: NO_SUCH_KEY, message: "get: 'key not found'" })
}

/**
 * Serves until closed. `url` is what `CLOUDFLARE_API_BASE_URL` is to Cloudflare's own. The storage is opened for each
 * request: what was opened before the local runtime crashed and was restarted is of no use after.
 */
export async function serveStorageOverHttp(
  open: () => Promise<Storage>,
): Promise<StorageHttpServer> {
  const token = randomText()
  const expected = `Bearer ${token}`

  async function respond(request: IncomingMessage, response: ServerResponse) {
    if (!equalInConstantTime(request.headers.authorization ?? '', expected)) {
      return answer(response, 401, null, {
        code: NOT_AUTHENTICATED,
        message: 'Authentication error',
      })
    }
    const url = new URL(request.url ?? '', `http://${HOST}`)
    const [, binding, quotedKey] = VALUE_PATH.exec(url.pathname) ?? []
    const isQuery = request.method === 'POST' && QUERY_PATH.test(url.pathname)
    const isValue = quotedKey !== undefined && /^(?:GET|PUT|DELETE)$/.test(request.method ?? '')
    if (!isQuery && !isValue) {
      return answer(response, 404, null, { code: NO_SUCH_ROUTE, message: 'No such route' })
    }
    try {
      const text = await readBody(request)
      const { db, sessions, codes } = await open()
      if (quotedKey === undefined) return answer(response, 200, await query(db, text))
      const key = decodeURIComponent(quotedKey)
      const namespace = binding === 'CODES' ? codes : sessions
      if (request.method === 'GET') return sendValue(response, await namespace.get(key))
      if (request.method === 'PUT') await write(namespace, key, url, text)
      else await namespace.delete(key)
      answer(response, 200, {})
    } catch (fault) {
      const code = isQuery ? QUERY_FAILED : KV_FAILED
      answer(response, 400, isQuery ? [] : null, { code, message: oneLine(fault) })
    }
  }

  const server = createServer((request, response) => void respond(request, response))
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(0, HOST, () => resolve()),
  )
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${HOST}:${port}`,
    token,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
