/** The HTTP server of the peers on Node.js: it answers with prepared requests, and passes all other requests to the peer. */

import { createServer } from 'node:http'
import { HANDOUT_PATH } from '../operations.ts'

/**
 * `handOuts` prepares requests for each operation. `answer` is a listener of `node:http`. Prints a line when the server
 * serves.
 */
export function serve(handOuts, answer) {
  const server = createServer(async (request, response) => {
    if (!request.url.startsWith(HANDOUT_PATH)) return answer(request, response)
    const asked = new URL(request.url, 'http://127.0.0.1').searchParams
    try {
      const handOut = handOuts[asked.get('operation')]
      response.end(JSON.stringify(await handOut(Number(asked.get('n')))))
    } catch (fault) {
      response.writeHead(500).end(String(fault?.stack ?? fault))
    }
  })
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    const ports = Object.fromEntries(Object.keys(handOuts).map((operation) => [operation, port]))
    console.log(JSON.stringify({ ports }))
  })
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
