/**
 * Metadata documents on real servers of this machine, read by the Workers of `npm start`. A canary server counts its requests:
 * no document may cause one.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSocketServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Listening, listen } from './listen.ts'
import { demoUser } from './person.ts'
import { type RunningRegistry, startRegistry } from './running-registry.ts'
import { databaseIn } from './state-database.ts'

const CALLBACK = 'http://127.0.0.1:9111/callback'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

let registry: RunningRegistry
let cookie: string
let documents: Listening
let canary: Listening
let reached = 0
const handlers = new Map<string, Handler>()

beforeAll(async () => {
  documents = await listen(
    createServer((request, response) => {
      const handler = handlers.get(request.url ?? '')
      if (handler) handler(request, response)
      else response.writeHead(404).end()
    }),
  )
  canary = await listen(
    createSocketServer((socket) => {
      reached += 1
      socket.destroy()
    }),
  )
  registry = await startRegistry({ CLIENT_DOCUMENTS: 'any' })
  cookie = await demoUser(registry).signIn()
})
afterAll(async () => {
  await registry.end()
  await Promise.all([documents.close(), canary.close()])
})

const documentAt = (id: string, more: object = {}) => ({
  client_id: id,
  client_name: 'A local host',
  redirect_uris: [CALLBACK],
  grant_types: ['authorization_code', 'refresh_token'],
  ...more,
})

const json = { 'Content-Type': 'application/json' }
let made = 0
/** Serves a new URL with this handler. */
function serving(handler: (id: string) => Handler): string {
  made += 1
  const id = `${documents.url}/client-${made}.json`
  handlers.set(`/client-${made}.json`, handler(id))
  return id
}

const requestFor = (id: string) => {
  const url = new URL('/authorize', registry.registry)
  url.search = String(
    new URLSearchParams({
      response_type: 'code',
      client_id: id,
      redirect_uri: CALLBACK,
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    }),
  )
  return url.href
}

/** The response of /authorize to a signed-in user for this client id. */
async function pageFor(id: string) {
  const response = await fetch(requestFor(id), { redirect: 'manual', headers: { Cookie: cookie } })
  return {
    status: response.status,
    to: response.headers.get('Location'),
    text: await response.text(),
  }
}

/** Deletes the recorded attempts, so that the registry fetches from the hosts of this machine again. */
async function anotherAttempt() {
  const db = databaseIn(registry.stateDir)
  await db.prepare('DELETE FROM document_attempt').run()
  db.close()
}

describe('metadata documents on real servers', () => {
  it('a document at a loopback address describes a client if ISSUER is a loopback address too', async () => {
    const id = serving(
      (own) => (_, response) => response.writeHead(200, json).end(JSON.stringify(documentAt(own))),
    )
    const page = await pageFor(id)
    expect(page.text).toContain('A local host')
  })

  it('no redirect and no spelling of the URL of a document leads to the canary server', async () => {
    const { port } = canary
    const direct = [
      `http://127.1:${port}/a`,
      `http://2130706433:${port}/a`,
      `http://0x7f.0.0.1:${port}/a`,
      `http://0177.0.0.1:${port}/a`,
      `http://0.0.0.0:${port}/a`,
      `http://127.0.0.2:${port}/a`,
      `http://[::ffff:127.0.0.1]:${port}/a`,
      `http://[::]:${port}/a`,
      `http://localhost.:${port}/a`,
      `http://app.localhost:${port}/a`,
      `http://user@127.0.0.1:${port}/a`,
      `http://127.0.0.1:${port}\\@app.example/a`,
      `http://app.example@127.0.0.1:${port}/a`,
      `https://app.example:${port}/a`,
      `http://127.0.0.1:${port}/a#b`,
      `http://127.0.0.1:${port}/`,
    ]
    for (const id of direct) {
      const { status, to } = await pageFor(id)
      expect([id, status, to]).toEqual([id, 400, null])
    }
    const redirecting = serving(
      () => (_, response) =>
        response.writeHead(302, { ...json, Location: `http://127.0.0.1:${port}/a` }).end(),
    )
    expect((await pageFor(redirecting)).status).toBe(400)
    expect(reached).toBe(0)
    // Control: the canary serves, and a document URL that is allowed reaches it.
    await anotherAttempt()
    expect((await pageFor(`http://127.0.0.1:${port}/a`)).status).toBe(400)
    expect(reached).toBe(1)
  })

  it('a document whose body never ends or is too large after decompression is refused', async () => {
    await anotherAttempt()
    const begun = Date.now()
    const dripping = serving(() => (_, response) => {
      response.writeHead(200, json)
      const drip = setInterval(() => response.write(' '), 200)
      response.on('close', () => clearInterval(drip))
    })
    const slow = await pageFor(dripping)
    expect([slow.status, slow.text]).toEqual([
      400,
      expect.stringContaining('has not answered within 3 s'),
    ])
    expect(Date.now() - begun).toBeLessThan(8000)
    await anotherAttempt()
    const bomb = serving((own) => (_, response) => {
      const body = JSON.stringify(documentAt(own)) + ' '.repeat(5 * 1024 * 1024)
      response.writeHead(200, { ...json, 'Content-Encoding': 'gzip' }).end(gzipSync(body))
    })
    const large = await pageFor(bomb)
    expect([large.status, large.text]).toEqual([
      400,
      expect.stringContaining('answered with more than 5120 bytes'),
    ])
  })
})
