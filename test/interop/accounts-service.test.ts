/**
 * The registry behind a real nginx with its default buffers, first without and then with examples/accounts-service/ on a path
 * of the same host (LOGIN_URL). docs/accounts-service.md is the contract.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Log, LogLevel, type Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWorker } from '../../src/local/build-worker.ts'
import { runWorkers } from '../../src/local/run-workers.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { fieldsOf } from '../node/forms.ts'
import { freePorts } from '../node/free-ports.ts'
import { type Program, startProgram } from '../node/program.ts'
import {
  type RegisteredClient,
  type RunningRegistry,
  startRegistry,
} from '../node/running-registry.ts'

const NGINX = process.env.NGINX_PATH ?? '/usr/sbin/nginx'
const EXAMPLE = 'examples/accounts-service/wrangler.toml'
const CALLBACK = 'https://client.example/callback'

let folder: string
const ending: (() => unknown)[] = []

/** A configuration of nginx without settings for buffers. */
async function startNginx(servers: string): Promise<Program> {
  const conf = `pid nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  proxy_set_header Host $http_host;
  ${servers}
}`
  await writeFile(join(folder, 'nginx.conf'), conf)
  const words = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', 'daemon off;']
  const nginx = startProgram(NGINX, words)
  await nginx.untilPrints('start worker process')
  return nginx
}

type Front = Readonly<{
  origin: string
  authenticator: string
  product: RunningRegistry
  client: RegisteredClient
}>
let own: Front
let shared: Front
let accounts: Miniflare

async function front(origin: string, settings: Record<string, string>): Promise<Front> {
  const product = await startRegistry({ ISSUER: origin, ...settings })
  ending.push(() => product.end())
  const words = ['--scope', 'public:read submission:read submission:create']
  const client = await product.newClient('client_secret_post', '--redirect-uri', CALLBACK, ...words)
  const authenticator = `http://127.0.0.1:${settings.AUTHENTICATOR_PORT}`
  return { origin, authenticator, product, client }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'registry-front-'))
  ending.push(() => rm(folder, { recursive: true, force: true }))
  const ports = await freePorts(7)
  const [ownFront, ownPort, ownAuth, sharedFront, port, auth, accountsPort = 0] = ports.map(String)
  const nginx = await startNginx(`
  server { listen 127.0.0.1:${ownFront}; location / { proxy_pass http://127.0.0.1:${ownPort}; } }
  server {
    listen 127.0.0.1:${sharedFront};
    location / { proxy_pass http://127.0.0.1:${port}; }
    location /accounts { proxy_pass http://127.0.0.1:${accountsPort}; }
  }`)
  ending.push(() => nginx.end())
  own = await front(`http://127.0.0.1:${ownFront}`, {
    PORT: ownPort ?? '',
    AUTHENTICATOR_PORT: ownAuth ?? '',
  })
  const origin = `http://127.0.0.1:${sharedFront}`
  shared = await front(origin, {
    PORT: port ?? '',
    AUTHENTICATOR_PORT: auth ?? '',
    LOGIN_URL: `${origin}/accounts/login`,
  })
  const config = readWranglerConfig(EXAMPLE)
  const module = await buildWorker(config.main)
  const worker = { config, module, port: Number(accountsPort), vars: { ISSUER: origin } }
  accounts = runWorkers([worker], shared.product.stateDir, new Log(LogLevel.ERROR))
  ending.push(() => accounts.dispose())
  await accounts.ready
})

afterAll(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** A minimal browser, which stores cookies and follows redirects within the origin. */
class Browser {
  readonly cookies = new Map<string, string>()
  readonly #origin: string
  constructor({ origin }: Front) {
    this.#origin = origin
  }

  async send(path: string, fields?: [string, string][]): Promise<Response> {
    const response = await fetch(new URL(path, this.#origin), {
      redirect: 'manual',
      headers: { Cookie: [...this.cookies].map((pair) => pair.join('=')).join('; ') },
      ...(fields && { method: 'POST', body: new URLSearchParams(fields) }),
    })
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? []
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return response
  }

  /** The last response: a page, or the URL of another origin. */
  async follow(path: string, fields?: [string, string][]) {
    let response = await this.send(path, fields)
    const visited: string[] = []
    for (let step = 0; step < 8; step++) {
      const location = response.headers.get('Location')
      if (location === null) break
      const url = new URL(location, this.#origin)
      visited.push(url.href)
      if (url.origin !== this.#origin) return { response, visited, page: '', end: url }
      response = await this.send(url.href)
    }
    return { response, visited, page: await response.text(), end: null }
  }
}

const authorizePath = ({ client }: Front, more: Record<string, string> = {}) =>
  `/authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: client.id,
    redirect_uri: CALLBACK,
    scope: 'submission:read',
    state: 'af0ifjsldkj',
    ...more,
  })}`

const redeem = ({ client }: Front, code: string, { origin }: Front) =>
  fetch(`${origin}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: client.id,
      client_secret: client.secret,
      redirect_uri: CALLBACK,
      code,
    }),
  })

const filled = (page: string, action: string, typed: Record<string, string>) => [
  ...(fieldsOf(page, action) ?? []).filter(([name]) => !Object.hasOwn(typed, name)),
  ...(Object.entries(typed) as [string, string][]),
]

describe('the registry behind nginx with its default buffers', () => {
  const json = JSON.stringify({ at: '/papers/2101.00001', by: 'ada', list: ['a', 'b'] })
  const STATES = [
    ['JSON', json.repeat(30).slice(0, 1300), 'public:read'],
    ['base64', 'ab+cd/ef=='.repeat(130), 'submission:read'],
  ] as const

  it.each(STATES)(
    'a state of 1.3 KB (%s) reaches the client unchanged through nginx, sign-in and consent',
    async (_, state, scope) => {
      expect(state).toHaveLength(1300)
      const browser = new Browser(own)
      const login = await browser.follow(authorizePath(own, { state, scope }))
      expect(login.response.status).toBe(200)
      const { username, password } = own.product.demo
      const consent = await browser.follow(
        '/login',
        filled(login.page, '/login', { username, password }),
      )
      expect(consent.response.status).toBe(200)
      const { end } = await browser.follow(
        '/authorize',
        filled(consent.page, '/authorize', { confirm: 'ok' }),
      )
      expect(end?.searchParams.get('state')).toBe(state)
      expect(end?.searchParams.get('code')).toMatch(/^regc_/)
    },
  )
})

describe('an accounts service on a path of the same host', () => {
  const ADA = { username: 'ada', password: 'a long random password' }

  async function signedIn(path = authorizePath(shared)) {
    const browser = new Browser(shared)
    const login = await browser.follow(path)
    const after = await browser.follow(
      '/accounts/login',
      filled(login.page, '/accounts/login', ADA),
    )
    return { browser, login, after }
  }

  it('an accounts service shows the login_hint of the application, and prompt=login makes a signed-in user sign in again', async () => {
    const hinted = await new Browser(shared).follow(authorizePath(shared, { login_hint: 'ada' }))
    expect(fieldsOf(hinted.page, '/accounts/login')).toContainEqual(['username', 'ada'])
    const { browser } = await signedIn()
    const first = browser.cookies.get('registry_session')
    const request = { prompt: 'login consent', scope: 'public:read' }
    const again = await browser.follow(authorizePath(shared, request))
    expect(new URL(again.visited.at(-1) ?? '').searchParams.get('prompt')).toBe('login')
    const after = await browser.follow(
      '/accounts/login',
      filled(again.page, '/accounts/login', ADA),
    )
    expect(browser.cookies.get('registry_session')).not.toBe(first)
    const { end } = await browser.follow(
      '/authorize',
      filled(after.page, '/authorize', { confirm: 'ok' }),
    )
    expect(end?.searchParams.get('code')).toMatch(/^regc_/)
  })

  it('an accounts service signs a user in, the user consents, and the client gets a token for that user', async () => {
    const { browser, login, after } = await signedIn()
    const asked = new URL(login.visited.at(-1) ?? '')
    expect(asked.pathname).toBe('/accounts/login')
    const nextPage = new URL(asked.searchParams.get('next_page') ?? '')
    expect([nextPage.origin, nextPage.pathname]).toEqual([shared.origin, '/authorize'])
    expect(after.page).toContain('ada')
    const { end } = await browser.follow(
      '/authorize',
      filled(after.page, '/authorize', { confirm: 'ok' }),
    )
    const answer = await redeem(shared, end?.searchParams.get('code') ?? '', shared)
    const token = (await answer.json()) as { access_token: string; scope: string }
    expect(token).toMatchObject({ token_type: 'Bearer', scope: 'submission:read' })
    const checked = await fetch(`${shared.authenticator}/auth?scope=submission:read`, {
      headers: { Authorization: `Bearer ${token.access_token}` },
    })
    const claims = await shared.product.claimsIn(checked.headers.get('Authorization') ?? '')
    expect(claims).toMatchObject({
      user: { user_id: '1234', username: 'ada', email: 'ada@example.org' },
      authorizations: { scopes: ['submission:read'] },
    })
  })

  it('an accounts service refuses a wrong password, and never redirects to another host', async () => {
    const browser = new Browser(shared)
    const { page } = await browser.follow('/accounts/login?next_page=https://evil.example/')
    const wrong = filled(page, '/accounts/login', { ...ADA, password: 'wrong' })
    expect((await browser.send('/accounts/login', wrong)).status).toBe(403)
    expect(browser.cookies.has('registry_session')).toBe(false)
    const elsewhere = filled(page, '/accounts/login', {
      ...ADA,
      next_page: 'https://evil.example/',
      form_token: browser.cookies.get('accounts_form') ?? '',
    })
    const answer = await browser.send('/accounts/login', elsewhere)
    expect([answer.status, answer.headers.get('Location')]).toEqual([303, `${shared.origin}/`])
  })

  it('an accounts service accepts a sign-in only from its own page', async () => {
    const { page } = await new Browser(shared).follow('/accounts/login')
    const other = new Browser(shared)
    const answer = await other.send('/accounts/login', filled(page, '/accounts/login', ADA))
    expect(answer.status).toBe(403)
    expect(other.cookies.has('registry_session')).toBe(false)
  })

  it('a session of an accounts service is valid at the authenticator and on the page of connected applications', async () => {
    const { browser } = await signedIn()
    const account = await browser.follow('/account')
    expect(account.page).toContain('Connected applications')
    const Cookie = `registry_session=${browser.cookies.get('registry_session')}`
    const checked = await fetch(`${shared.authenticator}/auth?fresh`, {
      headers: { Cookie },
    })
    expect(checked.headers.get('X-Auth-Status')).toBe('authenticated')
  })

  it('signing out through the registry ends the session of an accounts service at once, even for a copied cookie', async () => {
    const { browser } = await signedIn()
    const Cookie = `registry_session=${browser.cookies.get('registry_session')}`
    const { page } = await browser.follow('/accounts')
    const out = await browser.follow('/logout', fieldsOf(page, '/logout') ?? [])
    expect(out.visited).toEqual([`${shared.origin}/accounts/signed-out`])
    expect(out.page).toContain('Signed out')
    expect(browser.cookies.has('registry_session')).toBe(false)
    const checked = await fetch(`${shared.authenticator}/auth?fresh`, {
      headers: { Cookie },
    })
    expect(checked.status).toBe(401)
    const again = await browser.follow(authorizePath(shared))
    expect(again.visited.at(-1)).toMatch(`${shared.origin}/accounts/login?next_page=`)
  })

  it('a session that an accounts service opens lasts as long as a session of the registry', async () => {
    const sessions = await accounts.getKVNamespace('SESSIONS')
    const { keys } = await sessions.list()
    const found = await Promise.all(keys.map(({ name }) => sessions.get(name, 'text')))
    const records = found.flatMap((text) => {
      const record = JSON.parse(text ?? '{}') as {
        client?: null
        start_time: string
        end_time: string
      }
      return record.client === null ? [record] : []
    })
    expect(records.length).toBeGreaterThan(0)
    for (const { start_time, end_time } of records) {
      expect(Date.parse(end_time) - Date.parse(start_time)).toBe(7200_000)
    }
  })
})
