/** Apache with one of the examples, in front of a service, and the registry over https behind a test certificate. */

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type Server,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inProject } from '../../src/local/project.ts'
import { freePorts } from '../node/free-ports.ts'
import { startProgram } from '../node/program.ts'
import type { RecordedRegistry } from '../node/recorded-registry.ts'
import { newHolder } from './holder.ts'

const APACHE = '/usr/sbin/apache2'
const MODULE = '/usr/lib/apache2/modules/mod_auth_openidc.so'

/** The registry over https, because the module refuses an http introspection endpoint. */
async function startTls(
  registry: string,
  { folder, port }: Readonly<{ folder: string; port: number }>,
): Promise<Server> {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const words = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '1',
    '-subj',
    '/CN=127.0.0.1',
  ]
  execFileSync('openssl', [...words, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  const pair = { key: readFileSync(key), cert: readFileSync(certificate) }
  const { hostname, port: registryPort } = new URL(registry)
  const server = createTlsServer(pair, (request, response) => {
    const { method, url: path, headers } = request
    const asked = { hostname, port: registryPort, method, path, headers }
    request.pipe(
      httpRequest(asked, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      }),
    )
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** A DPoP proof for one request to `/token`, which binds the token to its key. */
export async function proofForToken(registry: string): Promise<string> {
  const { prove } = await newHolder()
  return prove({ htm: 'POST', htu: `${registry}/token` })
}

export type Apache = Readonly<{
  /** Sends a request through Apache. */
  get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Response>
  /** The headers of the requests that reached the service since the last call. */
  reached: () => IncomingHttpHeaders[]
  printed: () => string
  end: () => Promise<void>
}>

/** `values` replace the example's other placeholders. */
export async function startApache(
  example: string,
  { registry }: RecordedRegistry,
  values: Readonly<Record<string, string>>,
): Promise<Apache> {
  for (const file of [APACHE, MODULE]) {
    if (!existsSync(file))
      throw new Error(`${file}: apt-get install apache2-bin libapache2-mod-auth-openidc`)
  }
  const folder = await mkdtemp(join(tmpdir(), 'registry-apache-'))
  const [upstreamPort, listenPort, tlsPort] = (await freePorts(3)) as [number, number, number]
  const reached: IncomingHttpHeaders[] = []
  const upstream = createServer((request, response) => {
    reached.push(request.headers)
    response.end('the service')
  }).listen(upstreamPort, '127.0.0.1')
  await once(upstream, 'listening')
  const tls = await startTls(registry, { folder, port: tlsPort })
  const placeholders = {
    ...values,
    LISTEN_PORT: String(listenPort),
    UPSTREAM_PORT: String(upstreamPort),
    REGISTRY: `https://127.0.0.1:${tlsPort}`,
  }
  const text = Object.entries(placeholders).reduce(
    (conf, [name, value]) => conf.replaceAll(`__${name}__`, value),
    await readFile(inProject(example), 'utf8'),
  )
  // No authority has signed the certificate of the test.
  await writeFile(join(folder, 'apache.conf'), `${text}\nOIDCOAuthSSLValidateServer Off\n`)
  const apache = startProgram(APACHE, [
    ...['-d', folder, '-f', join(folder, 'apache.conf'), '-D', 'FOREGROUND', '-e', 'info'],
  ])
  await apache.untilPrints('resuming normal operations')
  return {
    get: (path, headers = {}) => fetch(`http://127.0.0.1:${listenPort}${path}`, { headers }),
    reached: () => reached.splice(0),
    printed: apache.printed,
    async end() {
      await apache.end()
      upstream.close()
      tls.close()
      await rm(folder, { recursive: true })
    },
  }
}
