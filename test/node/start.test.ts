/** `npm start`: its output, its files, its lock and how it stops. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readStartSettings } from '../../src/local/settings.ts'
import { welcome } from '../../src/local/welcome.ts'
import { freePorts } from './free-ports.ts'
import { runAdmin } from './project-programs.ts'
import {
  type Env,
  env,
  freshEnv,
  printed,
  refusedStart,
  restart,
  running,
  useStart,
} from './starting.ts'

const shell = promisify(execFile)
/** Runs the command in a shell. */
const paste = async (command: string, env: Record<string, string> = {}) =>
  (await shell('bash', ['-c', command], { env: { ...process.env, ...env } })).stdout

const CURLS = /^ {2}(curl .*)$/gm

const SERVED = {
  ...{ registryUrl: 'r', authenticatorUrl: 'a', issuer: 'i', otherStateDir: null },
  ...{ proxyFile: null, demo: null, loginUrl: null, hasDirectory: false },
} as const

describe('a running start', () => {
  useStart()

  it('npm start is ready within 15 s of CPU time and prints its addresses', async () => {
    const { pid } = running.child
    const each = (await paste(`ps -o cputimes= -p ${pid} --ppid ${pid}`)).trim().split(/\s+/)
    // At least Node.js and the Workers runtime.
    expect(each.length).toBeGreaterThan(1)
    expect(each.reduce((sum, seconds) => sum + Number(seconds), 0)).toBeLessThan(15)
    const { stdout, stderr } = running.said()
    expect(stdout).toContain(`http://127.0.0.1:${env.PORT}\n`)
    expect(stdout).toContain(`http://127.0.0.1:${env.AUTHENTICATOR_PORT}\n`)
    expect(stderr).toBe('')
  })

  it('the commands that npm start prints get a token and ask the authenticator about it when pasted', async () => {
    const [first = '', second = ''] = [...running.said().stdout.matchAll(CURLS)].map(([, c]) => c)
    const { access_token, scope } = JSON.parse(await paste(first))
    expect(access_token).toMatch(/^reg_/)
    expect(scope).toBe('public:read')
    const answer = await paste(second, { TOKEN: access_token })
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(answer).toMatch(/^x-auth-status: authenticated/im)
    const jwt = printed(answer, /^authorization: \S+/im)
    expect(jwt.split('.')).toHaveLength(3)
  })

  it('npm start prints an authorize URL that leads to the sign-in page', async () => {
    const url = printed(running.said().stdout, /http:\S+\/authorize\?\S+/)
    const response = await fetch(url, { redirect: 'manual' })
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toMatch(/\/login\?next_page=/)
  })

  it('npm start refuses a request whose Host header gives no URL, and logs no fault', async () => {
    const statusOf = async (path: string, host: string) => {
      const asked = get({ port: env.PORT, path, headers: { Host: host } })
      const [response] = (await once(asked, 'response')) as [IncomingMessage]
      response.resume()
      return response.statusCode
    }
    for (const path of [
      '/authorize?client_id=x',
      '/clients',
      '/admin/v1/status?x=y',
      '/openapi.json',
    ]) {
      expect([path, await statusOf(path, 'a, b')]).toEqual([path, 400])
    }
    expect(await statusOf('/nothing?client_id=x', '[')).toBe(400)
    expect(running.said().stdout).not.toMatch(/"outcome":"fault"|"status":50/)
    // Control: the same path with the registry's own host.
    expect(await statusOf('/openapi.json', `127.0.0.1:${env.PORT}`)).toBe(200)
  })

  it('npm start prints the URLs of the pages for owners and approvers, which require a sign-in, but not of the directory while it is off', async () => {
    const { stdout } = running.said()
    for (const path of ['clients', 'approvals']) {
      const url = printed(stdout, new RegExp(`http:\\S+/${path}(?=, )`))
      const { status, headers } = await fetch(url, { redirect: 'manual' })
      expect([status, headers.get('location')]).toEqual([303, `/login?next_page=/${path}`])
    }
    expect(stdout).not.toContain('/directory')
    expect(welcome({ ...SERVED, hasDirectory: true })).toContain('Directory      i/directory\n')
  })

  it('npm start names another STATE_DIR in the command that it prints, and not the one where commands look', async () => {
    expect(running.said().stdout).toContain(
      `Administer it with: STATE_DIR='${env.STATE_DIR}' npm run --silent admin -- --help\n`,
    )
    expect(welcome(SERVED)).toContain('Administer it with: npm run --silent admin -- --help\n')
    expect(welcome({ ...SERVED, otherStateDir: "/a b/it's" })).toContain(
      "STATE_DIR='/a b/it'\\''s' npm run",
    )
  })

  it('npm start prints a command that redeems a code of the URL that it prints', async () => {
    const { stdout } = running.said()
    const command = printed(stdout, /curl \S* ?\S+ -d grant_type=authorization_code .*/)
    const url = new URL(printed(stdout, /http:\S+\/authorize\?\S+/))
    const fields = new URLSearchParams(
      [...command.matchAll(/-d (\S+)/g)].map(([, one]) => one).join('&'),
    )
    expect(fields.get('client_id')).toBe(url.searchParams.get('client_id'))
    expect(fields.get('redirect_uri')).toBe(url.searchParams.get('redirect_uri'))
    expect(url.searchParams.has('code_challenge')).toBe(false)
    const response = await fetch(printed(command, /http:\S+\/token/), {
      method: 'POST',
      body: fields,
    })
    // The client is accepted. CODE stands for the code of the browser's address.
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: 'invalid_grant' },
    ])
  })

  it('npm start makes files with secrets readable by their owner only', async () => {
    const made = ['admin.json', 'demo.json', 'operator.json', 'jwt-secret', 'proxy-secret']
    for (const name of [...made, 'signing-keys.json']) {
      const { mode } = await stat(join(env.STATE_DIR ?? '', name))
      expect((mode & 0o777).toString(8)).toBe('600')
    }
  })

  it('npm start prints the path of the file with the proxy secret of the authenticator', async () => {
    const file = printed(running.said().stdout, /(?<=^Proxy secret +)\S+$/m)
    const secret = await readFile(file, 'utf8')
    const statusWith = async (shown: string) => {
      const headers = { 'X-Proxy-Secret': shown, 'X-Original-Method': 'GET' }
      return (await fetch(`http://127.0.0.1:${env.AUTHENTICATOR_PORT}/auth`, { headers })).status
    }
    // Only a trusted proxy gets this refusal of an incomplete description of the request.
    expect(await statusWith(secret)).toBe(400)
    expect(await statusWith('x'.repeat(43))).toBe(403)
  })

  it('why explains a refusal of the authenticator of npm start', async () => {
    const url = `http://127.0.0.1:${env.AUTHENTICATOR_PORT}/auth?scope=a:b`
    const refused = await fetch(url, { headers: { Authorization: 'Bearer junk' } })
    const id = refused.headers.get('X-Correlation-Id') ?? ''
    const { status, stdout } = await runAdmin(['why', id, '--json'], env)
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      correlation_id: id,
      endpoint: 'GET /auth',
      error: 'invalid_token',
      detail: 'The access token is unknown, expired or revoked.',
    })
  })

  it('npm start serves a change by the command line at once', async () => {
    const words = ['client', 'create', '--name', 'N', '--owner', 'u', '--scope', 'a:b', '--json']
    const { status, stdout } = await runAdmin(words, env)
    expect(status).toBe(0)
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...JSON.parse(stdout) })
    const response = await fetch(`http://127.0.0.1:${env.PORT}/token`, { method: 'POST', body })
    expect(await response.json()).toMatchObject({ scope: 'a:b' })
  })

  it('the announcement of npm start to the command line says where it serves, and contains no credential', async () => {
    const text = await readFile(join(env.STATE_DIR ?? '', 'admin.json'), 'utf8')
    expect(JSON.parse(text)).toEqual({
      pid: running.child.pid,
      issuer: `http://127.0.0.1:${env.PORT}`,
      registryUrl: `http://127.0.0.1:${env.PORT}`,
      authenticatorUrl: `http://127.0.0.1:${env.AUTHENTICATOR_PORT}`,
      startedAt: expect.any(Number),
    })
  })

  it('the runtime of npm start opens no debugger port, which would give access to the storage without a token', async () => {
    const children = await paste(`ps -o args= --ppid ${running.child.pid}`)
    expect(children).toContain('workerd serve')
    expect(children).not.toContain('--debug-port')
  })

  it('a second npm start on the same state or the same port is refused', async () => {
    const [port, authenticatorPort] = await freePorts(2)
    const ports = { PORT: String(port), AUTHENTICATOR_PORT: String(authenticatorPort) }
    const second = await refusedStart({ ...env, ...ports })
    expect(second).toEqual({
      status: 1,
      stdout: '',
      stderr: `STATE_DIR: ${env.STATE_DIR} is already served by another npm start (process ${running.child.pid})\n`,
    })
    const elsewhere = await freshEnv()
    const samePort = await refusedStart({ ...elsewhere, PORT: env.PORT ?? '' })
    expect(samePort).toEqual({
      status: 1,
      stdout: '',
      stderr: `PORT: cannot listen on 127.0.0.1:${env.PORT} (EADDRINUSE)\n`,
    })
  })

  it('npm start stops on Ctrl-C, removes its announcement, and prints the same demo at the next start', async () => {
    const demo = printed(running.said().stdout, /Demo client[\s\S]*password +\S+/)
    expect(demo).not.toBe('')
    expect(await running.stop()).toBe(0)
    await expect(stat(join(env.STATE_DIR ?? '', 'admin.json'))).rejects.toThrow('ENOENT')
    await expect(fetch(`http://127.0.0.1:${env.PORT}/healthz`)).rejects.toThrow()

    await restart()
    expect(running.said().stdout).toContain(demo)
  })
})

describe('bad settings of npm start', () => {
  it.each([
    [{ PORT: 'http' }, 'PORT: must be a port from 1 to 65535'],
    [{ AUTHENTICATOR_PORT: '70000' }, 'AUTHENTICATOR_PORT: must be a port from 1 to 65535'],
    [{ PORT: '9000', AUTHENTICATOR_PORT: '9000' }, 'AUTHENTICATOR_PORT: must differ from PORT'],
    [{ CLIENT_CACHE_SECONDS: 'ten' }, 'CLIENT_CACHE_SECONDS: must be a whole number from 0 to 300'],
    [
      { ISSUER: 'http://a.example' },
      'ISSUER: must be an https origin, or http on a loopback address, without a path',
    ],
  ])('npm start refuses the bad setting %j', (env, line) => {
    expect(() => readStartSettings(env, {})).toThrow(expect.objectContaining({ message: line }))
  })

  it.each([
    [
      { CODE_LIFETIME_SECONDS: '5' },
      'CODE_LIFETIME_SECONDS: must be a whole number from 60 to 3600',
    ],
    [{ JWT_SECRET: 'too short to sign' }, 'JWT_SECRET: must be at least 32 bytes'],
    [
      { PROXY_SECRET: 'too-short-to-trust' },
      'PROXY_SECRET: must be at least 32 bytes of visible ASCII',
    ],
  ])(
    'npm start with the bad setting %j stops with one line before it starts a server',
    async (bad, line) => {
      const env: Env = { ...(await freshEnv()), ...bad }
      expect(await refusedStart(env)).toEqual({
        status: 1,
        stdout: '',
        stderr: `${line}\n`,
      })
      expect(await readdir(env.STATE_DIR ?? '')).toEqual([])
    },
  )
})

it('npm start reads every other setting from the environment and treats an empty one as missing', () => {
  const env = { PORT: '9000', LOGIN_URL: 'https://login.example/', ISSUER: '', DEMO: '0' }
  expect(readStartSettings(env, { ISSUER: 'https://configured.example' })).toMatchObject({
    port: 9000,
    authenticatorPort: 8788,
    demo: false,
    secrets: { JWT_SECRET: '', PROXY_SECRET: '' },
    vars: { ISSUER: 'http://127.0.0.1:9000', LOGIN_URL: 'https://login.example/' },
  })
})
