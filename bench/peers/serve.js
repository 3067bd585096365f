/** What the peers on Node share: a bare HTTP server that hands out requests, and gives all others to the peer. */

import { createServer } from 'node:http'
import { HANDOUT_PATH } from '../operations.ts'

/**
 * `handlers`: by operation, `{ requests(n): Promise<string[]>, once, text }`. `answer` is a listener of
 * `node:http`. Prints the line that says it serves.
 */
export function serve(handlers, answer) {
  const server = createServer(async (request, response) => {
    if (!request.url.startsWith(HANDOUT_PATH)) return answer(request, response)
    const asked = new URL(request.url, 'http://127.0.0.1').searchParams
    const { requests, once, text } = handlers[asked.get('operation')]
    try {
      const handout = { requests: await requests(Number(asked.get('n'))), once, status: 200, text }
      response.end(JSON.stringify(handout))
    } catch (fault) {
      response.writeHead(500).end(String(fault?.stack ?? fault))
    }
  })
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    const ports = Object.fromEntries(Object.keys(handlers).map((operation) => [operation, port]))
    console.log(JSON.stringify({ ports }))
  })
}

/** `make` runs `count` times, some at a time. */
export async function many(count, make) {
  const made = []
  while (made.length < count) {
    const chunk = Math.min(50, count - made.length)
    made.push(...(await Promise.all(Array.from({ length: chunk }, make))))
  }
  return made
}

const MAX_BYTES = 16 * 1024

export async function readBody(request) {
  let body = ''
  for await (const chunk of request) {
    body += chunk
    if (body.length > MAX_BYTES) throw new Error('too long')
  }
  return body
}
