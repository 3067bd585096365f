/** Apache with one of the examples, in front of a service, and the registry over https behind a test certificate. */

import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { freePorts } from '../node/free-ports.ts'
import { type Listening, listen } from '../node/listen.ts'
import { startProgram } from '../node/program.ts'
import { type RecordedRegistry, startRecordedRegistry } from '../node/recorded-registry.ts'
import { newCertificate } from './certificate.ts'
import { newHolder } from './holder.ts'

const APACHE = '/usr/sbin/apache2'
const MODULE = '/usr/lib/apache2/modules/mod_auth_openidc.so'

/** The registry over https, because the module refuses an http introspection endpoint. */
function startTls(registry: string, folder: string): Promise<Listening> {
  const { hostname, port } = new URL(registry)
  const server = createTlsServer(newCertificate(folder), (request, response) => {
    const { method, url: path, headers } = request
    const asked = { hostname, port, method, path, headers }
    request.pipe(
      httpRequest(asked, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      }),
    )
  })
  return listen(server)
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

export let product: RecordedRegistry
export let apache: Apache
/** Registers hooks: a registry, and Apache with the example. `prepare` returns the values of its other placeholders. */
export function useApache(
  example: string,
  prepare: () => Promise<Readonly<Record<string, string>>>,
) {
  beforeAll(async () => {
    product = await startRecordedRegistry()
    apache = await startApache(example, product, await prepare())
  })
  afterAll(async () => {
    await apache?.end()
    await product?.end()
  })
  beforeEach(() => {
    apache.reached()
  })
}

async function startApache(
  example: string,
  { registry }: RecordedRegistry,
  values: Readonly<Record<string, string>>,
): Promise<Apache> {
  for (const file of [APACHE, MODULE]) {
    if (!existsSync(file))
      throw new Error(`${file}: apt-get install apache2-bin libapache2-mod-auth-openidc`)
  }
  const folder = await mkdtemp(join(tmpdir(), 'registry-apache-'))
  const [listenPort] = await freePorts(1)
  const reached: IncomingHttpHeaders[] = []
  const upstream = await listen(
    createServer((request, response) => {
      reached.push(request.headers)
      response.end('the service')
    }),
  )
  const tls = await startTls(registry, folder)
  const placeholders = {
    ...values,
    LISTEN_PORT: String(listenPort),
    UPSTREAM_PORT: String(upstream.port),
    REGISTRY: `https://127.0.0.1:${tls.port}`,
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
      await Promise.all([upstream.close(), tls.close()])
      await rm(folder, { recursive: true })
    },
  }
}
