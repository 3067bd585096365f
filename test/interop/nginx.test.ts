/** Real nginx with examples/nginx.conf: auth_request between callers and a small upstream. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startProgram } from '../node/program.ts'
import { leavesNoSecret } from '../node/recorded-registry.ts'
import { proxiedService } from './proxied-service.ts'

const NGINX = process.env.NGINX_PATH ?? '/usr/sbin/nginx'

const product = proxiedService('nginx', async (place) => {
  const conf = (await readFile('examples/nginx.conf', 'utf8'))
    .replaceAll('__AUTHENTICATOR_PORT__', String(place.authenticatorPort))
    .replaceAll('__UPSTREAM_PORT__', String(place.upstreamPort))
    .replaceAll('__LISTEN_PORT__', String(place.listenPort))
    .replaceAll('__PROXY_SECRET__', place.secret)
    .replace('pid nginx.pid;', `pid nginx-${place.listenPort}.pid;`)
    // At this level it says when it serves.
    .replace('error_log stderr warn;', 'error_log stderr notice;')
  const file = join(place.folder, `nginx-${place.listenPort}.conf`)
  await writeFile(file, conf)
  const nginx = startProgram(NGINX, ['-p', place.folder, '-c', file, '-g', 'daemon off;'])
  await nginx.untilPrints('start worker process')
  return nginx
})

leavesNoSecret(product, {
  ...{ secrets: 18, line: 5, row: 20, key: 5, value: 5, file: 15, answer: 35 },
})
