/** Free ports of 127.0.0.1. */

import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

export const HOST = '127.0.0.1'

/**
 * Below the ports that Linux gives to connections, and to servers that ask for any port: it might give one to somebody
 * else before the caller uses it.
 */
const [FIRST, LAST] = [20_000, 32_767]

async function listening(): Promise<Readonly<{ server: Server; port: number }>> {
  const port = randomInt(FIRST, LAST + 1)
  const server = createServer()
  server.listen(port, HOST)
  try {
    await once(server, 'listening')
    return { server, port }
  } catch {
    // Somebody else has it.
    return listening()
  }
}

/** Keeps all ports open until the last one is known, so that no two are equal. */
export async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(Array.from({ length: count }, listening))
  await Promise.all(held.map(({ server }) => once(server.close(), 'close')))
  return held.map(({ port }) => port)
}
