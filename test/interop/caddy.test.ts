/** Real Caddy with examples/Caddyfile: forward_auth between callers and a small upstream. */

import { inProject } from '../../src/local/project.ts'
import { startProgram } from '../node/program.ts'
import { leavesNoSecret } from '../node/recorded-registry.ts'
import { proxiedService } from './proxied-service.ts'

const CADDY = process.env.CADDY_PATH ?? '/usr/bin/caddy'

const product = proxiedService('caddy', async (place) => {
  const caddy = startProgram(CADDY, ['run', '--config', inProject('examples/Caddyfile')], {
    LISTEN_PORT: String(place.listenPort),
    AUTHENTICATOR: `127.0.0.1:${place.authenticatorPort}`,
    SERVICE: `127.0.0.1:${place.upstreamPort}`,
    PROXY_SECRET: place.secret,
    // Caddy saves a copy of its configuration there.
    XDG_CONFIG_HOME: place.folder,
    XDG_DATA_HOME: place.folder,
  })
  await caddy.untilPrints('serving initial configuration')
  return caddy
})

leavesNoSecret(product, {
  ...{ secrets: 18, line: 5, row: 20, key: 5, value: 5, file: 15, answer: 35 },
})
