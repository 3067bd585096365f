/** A server of a test, on a free port of 127.0.0.1. */

import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'

export type Listening = Readonly<{ port: number; url: string; close: () => Promise<void> }>

export async function listen(server: Server & { closeAllConnections?: () => void }) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async close() {
      const closed = once(server.close(), 'close')
      server.closeAllConnections?.()
      await closed
    },
  } satisfies Listening
}
