/**
 * D1's HTTP query interface over a local database, on a loopback port behind a bearer token: while the registry
 * runs, the command line writes through it, so that one process alone writes the state.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as z from 'zod/mini'
import { equalInConstantTime } from '../crypto/digest.ts'
import { randomText } from '../crypto/random.ts'
import type { Database } from '../stores/database.ts'
import { oneLine } from './refusal.ts'

const HOST = '127.0.0.1'
const PATH = /^\/accounts\/[^/]+\/d1\/database\/[^/]+\/query$/
const MAX_BODY_BYTES = 4 * 1024 * 1024
/** Cloudflare's codes for a failed query and for a wrong token. */
const QUERY_FAILED = 7500
const NOT_AUTHENTICATED = 10000

const Parameter = z.union([z.string(), z.number(), z.null()])
const Query = z.object({ sql: z.string(), params: z._default(z.array(Parameter), []) })
const Body = z.union([z.object({ batch: z.array(Query) }), Query])

export type D1HttpServer = Readonly<{ url: string; token: string; close: () => Promise<void> }>

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
  const [first, ...rest] = queries.map(({ sql, params }) => db.prepare(sql).bind(...params))
  if (!first) return []
  return rest.length === 0 && !('batch' in body) ? [await first.all()] : db.batch([first, ...rest])
}

function answer(response: ServerResponse, status: number, result: unknown, error?: object) {
  const body = { success: !error, errors: error ? [error] : [], messages: [], result }
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

/** Serves until closed. `url` is what `CLOUDFLARE_API_BASE_URL` is to Cloudflare's own. */
export async function serveD1OverHttp(db: Database): Promise<D1HttpServer> {
  const token = randomText()
  const expected = `Bearer ${token}`

  async function respond(request: IncomingMessage, response: ServerResponse) {
    if (!equalInConstantTime(request.headers.authorization ?? '', expected)) {
      return answer(response, 401, null, {
        code: NOT_AUTHENTICATED,
        message: 'Authentication error',
      })
    }
    if (request.method !== 'POST' || !PATH.test(request.url ?? '')) {
      return answer(response, 404, null, { code: 7003, message: 'No such route' })
    }
    try {
      answer(response, 200, await query(db, await readBody(request)))
    } catch (fault) {
      answer(response, 400, [], { code: QUERY_FAILED, message: oneLine(fault) })
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
