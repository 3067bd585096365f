/** `login` and `logout`: a person administers a registry, with tokens that are bound to a key of this machine. */

import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { commandLine, temporaryDirectory } from './command-line.ts'
import { type Decision, demoUser, type Person } from './person.ts'
import { runAdmin } from './project-programs.ts'
import { type RegistryFront, registryFront } from './registry-front.ts'
import { type RunningRegistry, startRegistry } from './running-registry.ts'

type SignIn = Readonly<{
  refresh_token: string
  access_token: string
  client_id: string
  expires_at: number
  key: Readonly<Record<string, string>>
}>

let running: RunningRegistry
let front: RegistryFront
let home = ''
let registryUrl = ''
let person: Person
let file = ''

beforeAll(async () => {
  front = await registryFront(() => registryUrl)
  // By default, a refresh of a key-bound sign-in whose response is lost cannot be repeated. One test loses a response.
  running = await startRegistry({ ISSUER: front.url, DPOP_REFRESH_RETRY_SECONDS: '60' })
  const announced = await readFile(join(running.stateDir, 'admin.json'), 'utf8')
  registryUrl = (JSON.parse(announced) as { registryUrl: string }).registryUrl
  home = await temporaryDirectory()
  person = demoUser(running)
  file = join(home, 'edge-registry', `${new URL(front.url).host.replace(':', '_')}.json`)
  const scopes = 'registry:clients registry:read'
  await running.administer('user', 'authorize', running.demo.username, '--scope', scopes)
})
afterAll(async () => {
  await running.end()
  await front.close()
  await rm(home, { recursive: true, force: true })
})
beforeEach(async () => {
  front.box.spoil = () => null
  await rm(file, { force: true })
})

const remoteEnv = () => ({ ISSUER: front.url, XDG_CONFIG_HOME: home })
const remote = (...words: string[]) =>
  commandLine([...words, '--remote', '--json'], { env: remoteEnv() })
const kept = async () => JSON.parse(await readFile(file, 'utf8')) as SignIn

/** `answer` is called with the URL that `login` prints. */
async function login(
  env: Record<string, string>,
  words: readonly string[],
  answer: (address: string) => Promise<unknown>,
) {
  const { promise: shown, resolve } = Promise.withResolvers<string>()
  const heard = (stderr: string) => {
    const address = /^ {2}(http\S+)$/m.exec(stderr)?.[1]
    if (address !== undefined) resolve(address)
  }
  const running = commandLine(['login', '--json', ...words], { env, heard })
  const [ended] = await Promise.all([running, shown.then(answer)])
  return ended
}
const answering = (decision: Decision) => async (address: string) => {
  const back = await person.visit(address, decision)
  const response = await fetch(back)
  expect(response.status).toBe(200)
  expect(await response.text()).toContain('You are back')
}
const signIn = () => login(remoteEnv(), ['--remote'], answering('allow'))
const lastActor = async () => {
  const entries = (await running.administer('audit', '--limit', '1')) as { actor: string }[]
  return entries[0]?.actor
}
const CREATE = ['client', 'create', '--name', 'N', '--owner', 'o']

describe('login', () => {
  it('login signs a user in through the code flow, and later commands act as this user', async () => {
    const { status, stdout, stderr } = await signIn()
    expect(status, stderr).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      issuer: front.url,
      scopes: ['registry:clients', 'registry:read'],
      file,
    })
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
    expect((await remote(...CREATE)).status).toBe(0)
    const { user_id } = (await running.administer('user', 'show', running.demo.username)) as {
      user_id: string
    }
    expect(await lastActor()).toBe(`client:registry-command-line user:${user_id}`)
    // The sign-in allows only what the user holds.
    const more = await remote('user', 'disable', running.demo.username)
    expect([more.status, more.stderr]).toEqual([
      1,
      'error: The operation needs the scope registry:users or registry:admin.\n',
    ])
  })

  it('the tokens of a sign-in are useless without its key', async () => {
    await signIn()
    const { access_token } = await kept()
    const withScheme = (scheme: string) =>
      fetch(`${front.url}/admin/v1/clients`, {
        headers: { Authorization: `${scheme} ${access_token}` },
      })
    expect([(await withScheme('Bearer')).status, (await withScheme('DPoP')).status]).toEqual([
      401, 401,
    ])
    // Control: with the key.
    expect((await remote('client', 'list')).status).toBe(0)
  })

  it('login revokes the previous sign-in', async () => {
    await signIn()
    const first = await kept()
    await signIn()
    expect((await kept()).refresh_token).not.toBe(first.refresh_token)
    await writeFile(file, JSON.stringify({ ...first, expires_at: 0 }))
    expect((await remote('client', 'list')).stderr).toMatch(/^error: the sign-in has ended \(/)
  })

  it('login stores nothing if the user refuses', async () => {
    const { status, stdout, stderr } = await login(remoteEnv(), ['--remote'], answering('cancel'))
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/error: the registry did not sign you in: [^\n]+\n$/)
    await expect(stat(file)).rejects.toThrow('ENOENT')
  })

  it('login ignores a callback with another state or another path, and still accepts the right one', async () => {
    const { status, stderr } = await login(remoteEnv(), ['--remote'], async (address) => {
      const back = await person.visit(address)
      for (const change of ['state=x', 'state=']) {
        const forged = new URL(`${back.pathname}?code=c&iss=${front.url}&${change}`, back)
        expect((await fetch(forged)).status).toBe(404)
      }
      expect((await fetch(new URL(`/other${back.search}`, back))).status).toBe(404)
      // Node.js accepts this as a path, but it is not a valid URL.
      expect((await fetch(`${back.origin}//`)).status).toBe(404)
      await fetch(back)
    })
    expect([status, stderr]).toEqual([0, expect.stringContaining('Open this address')])
  })

  it('login refuses an authorization response from another issuer', async () => {
    const { status, stderr } = await login(remoteEnv(), ['--remote'], async (address) => {
      const back = await person.visit(address)
      back.searchParams.set('iss', 'https://other.example')
      await fetch(back)
    })
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('error: the answer is from another registry\n'),
    ])
  })

  it('login without --remote signs in at the local registry until logout', async () => {
    const env = { STATE_DIR: running.stateDir }
    const local = (...words: string[]) => commandLine(words, { env })
    const { status, stderr } = await login(env, [], answering('allow'))
    expect(status, stderr).toBe(0)
    expect((await local(...CREATE)).status).toBe(0)
    expect(await local('audit', '--limit', '1')).toMatchObject({
      stdout: expect.stringContaining('client:registry-command-line user:'),
    })
    expect((await local('logout')).status).toBe(0)
    expect((await local(...CREATE)).status).toBe(0)
    expect(await lastActor()).toBe('client:registry-operator')
  })

  it.each([
    [
      'the credential of a client',
      '{"client_id":"a","client_secret":"b"}',
      'has the credential of',
    ],
    ['something else', 'my notes', 'is not a sign-in'],
  ])('login does not overwrite a file with %s', async (_, text, words) => {
    const notes = join(home, 'notes')
    await writeFile(notes, text)
    const env = { ...remoteEnv(), CREDENTIALS_FILE: notes }
    const { status, stderr } = await commandLine(['login', '--remote'], { env })
    expect([status, stderr]).toEqual([1, expect.stringContaining(words)])
    expect(await readFile(notes, 'utf8')).toBe(text)
  })

  it('login without --remote is refused if no registry runs', async () => {
    const stateDir = await temporaryDirectory()
    const { status, stderr } = await commandLine(['login'], { env: { STATE_DIR: stateDir } })
    expect([status, stderr]).toEqual([
      1,
      'error: no registry runs on STATE_DIR: run npm start, or add --remote\n',
    ])
    await rm(stateDir, { recursive: true })
  })
})

describe('the tokens of a sign-in', () => {
  const age = async () => writeFile(file, JSON.stringify({ ...(await kept()), expires_at: 0 }))

  it('commands that run at the same time refresh an expired access token once', async () => {
    await signIn()
    await age()
    const before = await kept()
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => runAdmin(['client', 'list', '--remote'], remoteEnv())),
    )
    expect(answers.map(({ status, stderr }) => [status, stderr])).toEqual(
      answers.map(() => [0, '']),
    )
    const after = await kept()
    expect(after.refresh_token).not.toBe(before.refresh_token)
    expect(after.key).toEqual(before.key)
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
  })

  /** Holds back the response to a refresh. `renewed` resolves when the registry has refreshed, and `pass` releases the response. */
  function keepRenewalBack() {
    const renewed = Promise.withResolvers<void>()
    const passed = Promise.withResolvers<void>()
    front.box.spoil = async ({ method, url, headers, body }) => {
      if (url !== '/token' || !body.includes('grant_type=refresh_token')) return null
      const answer = await fetch(`${registryUrl}${url}`, { method, headers, body })
      const text = await answer.text()
      renewed.resolve()
      await passed.promise
      return { status: answer.status, type: 'application/json', body: text }
    }
    return { renewed: renewed.promise, pass: passed.resolve }
  }

  it('login while another command refreshes the previous sign-in keeps the new sign-in', async () => {
    await signIn()
    await age()
    const { key } = await kept()
    const { renewed, pass } = keepRenewalBack()
    const renewing = remote('client', 'list')
    await renewed
    const signingIn = signIn()
    await Promise.race([signingIn, wait(1000)])
    pass()
    const [{ status, stderr }] = await Promise.all([signingIn, renewing])
    expect(status, stderr).toBe(0)
    expect((await kept()).key).not.toEqual(key)
    expect((await remote('client', 'list')).status).toBe(0)
  })

  it('logout while another command refreshes the sign-in leaves no file', async () => {
    await signIn()
    await age()
    const { renewed, pass } = keepRenewalBack()
    const renewing = remote('client', 'list')
    await renewed
    const signingOut = remote('logout')
    await Promise.race([signingOut, wait(1000)])
    pass()
    const [{ status, stderr }] = await Promise.all([signingOut, renewing])
    expect(status, stderr).toBe(0)
    await expect(stat(file)).rejects.toThrow('ENOENT')
  })

  it('a refresh whose response is lost is repeated once, and gets the tokens', async () => {
    await signIn()
    await age()
    let lost = 0
    front.box.spoil = ({ url }) => {
      if (url !== '/token' || lost > 0) return null
      lost += 1
      return 'connection'
    }
    expect((await remote('client', 'list')).stderr).toBe('')
    expect(lost).toBe(1)
  })

  it('an access token that is refused before it expires is refreshed', async () => {
    await signIn()
    await running.administer('session', 'revoke', '--token', (await kept()).access_token)
    const { status, stderr } = await remote('client', 'list')
    expect([status, stderr]).toEqual([0, ''])
  })

  it('a command after the sign-in was revoked says so, and how to sign in again', async () => {
    await signIn()
    await running.administer('session', 'revoke', '--user', running.demo.username)
    person = demoUser(running)
    const { status, stderr } = await remote('client', 'list')
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^error: the sign-in has ended \([^\n]+\): npm run admin -- login --remote\n$/,
    )
  })

  it.each([
    ['half a file', '{"issuer":'],
    ['another form', '{"a":1}'],
  ])(
    'the error for a file that is not a sign-in (%s) does not contain its text',
    async (_, text) => {
      await signIn()
      await writeFile(file, text)
      const { status, stderr } = await remote('client', 'list')
      expect([status, stderr]).toEqual([
        1,
        `error: ${file} is not a sign-in: remove it, then sign in again\n`,
      ])
    },
  )

  it('the tokens of a sign-in are never sent to another registry', async () => {
    await signIn()
    front.box.seen = []
    const env = { ...remoteEnv(), ISSUER: 'http://127.0.0.1:9', CREDENTIALS_FILE: file }
    const { stderr } = await commandLine(['client', 'list', '--remote'], { env })
    expect(stderr).toBe(`error: ${file} is a sign-in at ${front.url}, not at http://127.0.0.1:9\n`)
  })
})

describe('logout', () => {
  it('logout revokes the sign-in at the registry and deletes the file, and a copy of the file is useless', async () => {
    await signIn()
    const copy = await kept()
    const { status, stdout } = await remote('logout')
    expect([status, JSON.parse(stdout)]).toEqual([0, { issuer: front.url, signed_out: true }])
    await expect(stat(file)).rejects.toThrow('ENOENT')
    await writeFile(file, JSON.stringify(copy))
    expect((await remote('client', 'list')).stderr).toMatch(/^error: the sign-in has ended \(/)
  })

  it('logout keeps the file and prints its path if the registry cannot revoke the sign-in', async () => {
    await signIn()
    front.box.spoil = ({ url }) => (url === '/revoke' ? { status: 503, body: '' } : null)
    const { status, stderr } = await remote('logout')
    expect([status, stderr]).toEqual([
      1,
      `error: the registry at ${front.url} answered 503: the sign-in has not ended, and ${file} is kept\n`,
    ])
    expect((await stat(file)).size).toBeGreaterThan(0)
  })

  it('logout without a sign-in is refused', async () => {
    const { status, stderr } = await remote('logout')
    expect([status, stderr]).toEqual([1, `error: nobody is signed in: there is no ${file}\n`])
  })
})
