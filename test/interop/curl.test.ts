/** Both grants with curl, as in the output of `npm start` and in the README. */

import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fieldsOf, type Pair } from '../node/forms.ts'
import { freePorts } from '../node/free-ports.ts'
import { startProgram } from '../node/program.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'
import type { RegisteredClient } from '../node/running-registry.ts'

const CURL = process.env.CURL_PATH || 'curl'
const CALLBACK = 'http://127.0.0.1:5000/callback'
/** The exit status of curl with `--fail-with-body` after a status of 400 or more. */
const HTTP_FAILURE = 22

const run = promisify(execFile)
let running: RecordedRegistry

type Token = Readonly<{ access_token: string; token_type: string; scope: string }>

const curl = async (...words: string[]) =>
  (await run(CURL, ['--silent', '--show-error', '--max-time', '20', ...words])).stdout

const curlJson = async (...words: string[]) => JSON.parse(await curl(...words)) as Token

/** The exit status of curl and the response. */
const curlFailing = (...words: string[]) =>
  curl('--fail-with-body', ...words).then(
    () => expect.fail('curl has not failed'),
    ({ code, stdout }: { code: number; stdout: string }) => ({
      code,
      error: (JSON.parse(stdout) as { error: string }).error,
    }),
  )

const dataOf = (fields: Pair[]) =>
  fields.flatMap(([name, value]) => ['--data-urlencode', `${name}=${value}`])

/** The claims of a token, from the headers of the authenticator's response to curl. */
async function claimsFor(token: Token) {
  const bearer = `Authorization: Bearer ${token.access_token}`
  return claimsIn(await curl('--include', '--header', bearer, `${running.authenticator}/auth`))
}

function claimsIn(answer: string) {
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  return running.claimsIn(/^authorization: (\S+)\r$/im.exec(answer)?.[1] ?? '')
}

const printedCommand = (start: string) =>
  running.welcome
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line.startsWith(start)) ?? expect.fail(`nothing printed starts with ${start}`)

beforeAll(async () => {
  await run(CURL, ['--version']).catch((cause: unknown) => {
    throw new Error(`there is no ${CURL}: apt-get install curl`, { cause })
  })
  running = await startRecordedRegistry()
})

afterAll(() => running?.end())

describe('the commands that npm start prints', () => {
  it('the commands that npm start prints get a token and ask the authenticator about it when pasted', async () => {
    const asked = await run('sh', ['-c', printedCommand('curl -s http')])
    const token = JSON.parse(asked.stdout) as Token
    expect(token).toMatchObject({ token_type: 'Bearer', scope: 'public:read' })
    const env = { ...process.env, TOKEN: token.access_token }
    const { stdout } = await run('sh', ['-c', printedCommand('curl -si "http')], { env })
    expect(await claimsIn(stdout)).toMatchObject({
      user: null,
      client: { client_id: running.demo.clientId },
      authorizations: { scopes: ['public:read'] },
    })
  })

  it('the command of the sign-in program that npm start prints begins the sign-in of the demo client when pasted', async () => {
    // The program listens at its redirect URI, and another program may have the port of the default.
    const [port] = await freePorts(1)
    const redirect = `REDIRECT_URI=http://127.0.0.1:${port}/callback`
    const command = `exec env ${redirect} ${printedCommand('ISSUER=')}`
    const program = startProgram('sh', ['-c', command])
    try {
      const printed = await program.untilPrints('&code_challenge_method=S256')
      expect(printed).toContain(`${running.registry}/authorize?`)
      await program.untilPrints(`client_id=${running.demo.clientId}`)
    } finally {
      await program.end()
    }
  })
})

describe('client_credentials', () => {
  it('client_credentials with curl --user gets a token for a client that is registered for Basic', async () => {
    const client = await running.newClient('client_secret_basic', '--scope', 'submission:read')
    const token = await curlJson(
      ...['--user', `${client.id}:${client.secret}`],
      ...['--data', 'grant_type=client_credentials'],
      `${running.registry}/token`,
    )
    expect(token.scope).toBe('submission:read')
    expect(await claimsFor(token)).toMatchObject({ client: { client_id: client.id } })
  })

  it('client_credentials reports an error in JSON with a status for which curl fails', async () => {
    const { clientId, clientSecret } = running.demo
    const ask = (secret: string, scope: string) =>
      curlFailing(
        ...['--data', 'grant_type=client_credentials', '--data', `client_id=${clientId}`],
        ...['--data', `client_secret=${secret}`, '--data', `scope=${scope}`],
        `${running.registry}/token`,
      )
    const code = HTTP_FAILURE
    expect(await ask('wrong', 'public:read')).toEqual({ code, error: 'invalid_client' })
    expect(await ask(clientSecret, 'user:own')).toEqual({ code, error: 'invalid_scope' })
  })
})

describe('authorization_code, with PKCE', () => {
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  let jar: string

  beforeAll(() => {
    jar = join(running.stateDir, 'cookies')
  })

  afterAll(() => rm(jar, { force: true }))

  /** Runs curl with the cookies of one browser. */
  const browse = (...words: string[]) => curl('--cookie', jar, '--cookie-jar', jar, ...words)
  const fieldsIn = (page: string, action: string) =>
    fieldsOf(page, action) ?? expect.fail(`no form for ${action} in:\n${page}`)

  const authorizationUrl = () =>
    `${running.registry}/authorize?${new URLSearchParams({
      response_type: 'code',
      client_id: running.demo.clientId,
      redirect_uri: CALLBACK,
      scope: 'submission:read',
      state: 'xyz',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    })}`

  const redemption = (client: RegisteredClient, code: string) => [
    ...['--data', 'grant_type=authorization_code', '--data-urlencode', `code=${code}`],
    ...['--data-urlencode', `redirect_uri=${CALLBACK}`, '--data', `code_verifier=${verifier}`],
    ...['--data', `client_id=${client.id}`, '--data', `client_secret=${client.secret}`],
    `${running.registry}/token`,
  ]

  it('authorization_code with curl leads through sign-in and consent to a token, and the code works once', async () => {
    const login = fieldsIn(await browse('--location', authorizationUrl()), '/login').filter(
      ([name]) => name !== 'username' && name !== 'password',
    )
    const { username, password } = running.demo
    const filled: Pair[] = [...login, ['username', username], ['password', password]]
    // `--location` changes the POST to a GET, as a browser does after a 303.
    const signedIn = await browse('--location', ...dataOf(filled), `${running.registry}/login`)

    const consent: Pair[] = [...fieldsIn(signedIn, '/authorize'), ['confirm', 'ok']]
    const sentTo = await browse(
      ...['--output', '/dev/null', '--write-out', '%{redirect_url}'],
      ...dataOf(consent),
      `${running.registry}/authorize`,
    )
    const callback = new URL(sentTo)
    expect(callback.origin + callback.pathname).toBe(CALLBACK)
    expect(callback.searchParams.get('state')).toBe('xyz')
    expect(callback.searchParams.get('iss')).toBe(running.registry)

    const redeem = redemption(running.demoClient, callback.searchParams.get('code') ?? '')
    const token = await curlJson(...redeem)
    expect(token.scope).toBe('submission:read')
    expect(await claimsFor(token)).toMatchObject({
      user: { username },
      authorizations: { scopes: ['submission:read'] },
    })
    expect(await curlFailing(...redeem)).toEqual({ code: HTTP_FAILURE, error: 'invalid_grant' })
  })
})

leavesNoSecret(() => running, {
  ...{ secrets: 15, line: 2, row: 25, key: 3, value: 3, file: 15, answer: 12 },
})
