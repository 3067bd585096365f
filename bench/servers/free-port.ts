/** A port of the loopback interface on which nobody listens now. */

import { createServer } from 'node:net'

export const HOST = '127.0.0.1'

export const freePort = () =>
  new Promise<number>((found, failed) => {
    const probe = createServer().once('error', failed)
    probe.listen(0, HOST, () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => found(port))
    })
  })
