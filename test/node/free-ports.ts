/** Free ports of 127.0.0.1. */

import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

export const HOST = '127.0.0.1'

/**
 * Below the range of ports that Linux assigns to connections and to servers without a port of their choice: Linux could
 * assign such a port before the caller uses it.
 */
const [FIRST, LAST] = [20_000, 32_767]

/** For the same reason each process of a test run has its own range, and uses each port once. */
const SHARES = 8
const SHARE = Math.floor((LAST + 1 - FIRST) / SHARES)
const OWN = FIRST + (Number(process.env.VITEST_POOL_ID ?? 0) % SHARES) * SHARE
let taken = randomInt(SHARE)

async function listening(): Promise<Readonly<{ server: Server; port: number }>> {
  taken += 1
  const port = OWN + (taken % SHARE)
  const server = createServer()
  server.listen(port, HOST)
  try {
    await once(server, 'listening')
    return { server, port }
  } catch {
    // Another process uses this port.
    return listening()
  }
}

/** Returns different ports. */
export async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(Array.from({ length: count }, listening))
  await Promise.all(held.map(({ server }) => once(server.close(), 'close')))
  return held.map(({ port }) => port)
}
