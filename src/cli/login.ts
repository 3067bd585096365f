/**
 * `login` and `logout` of a person who administers. The person signs in at the registry in a browser: the command gets an
 * authorization code with PKCE, which is sent back to a port of this machine (RFC 8252 §7.3) and bound to a key of this
 * sign-in (RFC 9449 §10).
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Command } from 'commander'
import { digest } from '../crypto/digest.ts'
import { randomText } from '../crypto/random.ts'
import { COMMAND_LINE_ID, LOGIN_REDIRECT_URI, readCredential } from '../local/operators.ts'
import { oneLine, Refusal } from '../local/refusal.ts'
import { withFileLocked } from '../local/state-lock.ts'
import { signInPlace } from './reach.ts'
import {
  buyWithKey,
  newKey,
  readSignIn,
  type SignIn,
  type SignInPlace,
  signInOf,
} from './sign-in.ts'
import { postForm, type Server, writeKept } from './tokens.ts'
import { type Form, type Io, note, plainOptions, printDocument, verb } from './verb.ts'

const WAIT_MS = 600_000
const { hostname: HOST, pathname: CALLBACK } = new URL(LOGIN_REDIRECT_URI)

const page = (title: string, text: string) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${text}</p></html>
`
const DONE = page('You are back', 'The command line continues. You can close this page.')
const NOT_OURS = page('Not found', 'The command line waits for another response.')

const NOWHERE = new URL('about:blank')

async function listen(): Promise<Readonly<{ server: HttpServer; redirectUri: string }>> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { server, redirectUri: `http://${HOST}:${port}${CALLBACK}` }
}

/** The response with this state. Any other request is ignored, and the wait continues. */
function responseWith(server: HttpServer, state: string): Promise<URLSearchParams> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Refusal(`nobody signed in within ${WAIT_MS / 60_000} minutes`)),
      WAIT_MS,
    )
    server.on('request', (request, response) => {
      // Null if the text is no address, such as `//`.
      const { pathname, searchParams } = URL.parse(request.url ?? '', LOGIN_REDIRECT_URI) ?? NOWHERE
      const isOurs = pathname === CALLBACK && searchParams.get('state') === state
      response.writeHead(isOurs ? 200 : 404, {
        'Content-Type': 'text/html; charset=utf-8',
        'Content-Security-Policy': "default-src 'none'",
        'Referrer-Policy': 'no-referrer',
        Connection: 'close',
      })
      response.end(isOurs ? DONE : NOT_OURS)
      if (!isOurs) return
      clearTimeout(timer)
      response.once('close', () => resolve(searchParams))
    })
  })
}

/** Throws a Refusal if the response has no code. */
function codeIn(response: URLSearchParams, issuer: string): string {
  // RFC 9207 §2.4: a response of another server must not be used.
  if (response.get('iss') !== issuer) throw new Refusal('the answer is from another registry')
  const code = response.get('code')
  if (code) return code
  const error = response.get('error') ?? 'no code'
  const words = response.get('error_description') ?? error
  throw new Refusal(`the registry did not sign you in: ${oneLine(words)}`)
}

/** `show` gets the address that the person opens in a browser. Throws a Refusal. */
async function signIn(server: Server, show: (url: string) => void): Promise<SignIn> {
  const { issuer } = server
  const [verifier, state] = [randomText(), randomText()]
  const { key, thumbprint } = await newKey()
  const { server: listening, redirectUri } = await listen()
  try {
    const asked = new URLSearchParams({
      response_type: 'code',
      client_id: COMMAND_LINE_ID,
      redirect_uri: redirectUri,
      state,
      code_challenge: await digest(verifier),
      code_challenge_method: 'S256',
      dpop_jkt: thumbprint,
      // No other scope is requested: the page offers all scopes of the registry that the person holds.
      scope: 'offline_access',
    })
    const answered = responseWith(listening, state)
    show(`${issuer}/authorize?${asked}`)
    const code = codeIn(await answered, issuer)
    const bought = await buyWithKey(server, key, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      client_id: COMMAND_LINE_ID,
      code_verifier: verifier,
    })
    return signInOf({ issuer, client_id: COMMAND_LINE_ID, key }, bought)
  } finally {
    listening.close()
    listening.closeAllConnections()
  }
}

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
  linux: ['xdg-open'],
}

/** If no browser opens, the person has the address. */
function openInBrowser(url: string) {
  const [command, ...words] = OPENERS[process.platform] ?? []
  if (command === undefined) return
  const child = spawn(command, [...words, url], { detached: true, stdio: 'ignore' })
  child.once('error', () => {})
  child.unref()
}

/** RFC 7009: a refresh token ends together with all tokens that were renewed with it. Throws a Refusal. */
async function revoke({ url }: Server, { client_id, refresh_token }: SignIn): Promise<void> {
  const { status } = await postForm(`${url}/revoke`, { token: refresh_token, client_id })
  if (status !== 200) throw new Refusal(`the registry at ${url} answered ${status}`)
}

/** The sign-in that a new one replaces; null if there is none. Throws a Refusal rather than overwrite another file. */
async function earlierSignIn(place: SignInPlace): Promise<SignIn | null> {
  const { file } = place
  if (await readCredential(file).catch(() => null)) {
    throw new Refusal(`${file} has the credential of a client: let CREDENTIALS_FILE name another`)
  }
  return readSignIn(place)
}

async function login(io: Io, where: Form & Readonly<{ browser?: boolean }>): Promise<object> {
  const { remote = false, browser = true } = where
  const place = await signInPlace({ remote, env: io.env })
  await earlierSignIn(place)
  const isTerminal = io.stdout === process.stdout && process.stdout.isTTY
  const made = await signIn(place.server, (url) => {
    io.stderr.write(`Open this address in a browser, on this machine:\n\n  ${url}\n\n`)
    if (browser && isTerminal) openInBrowser(url)
  })
  // The lock prevents a renewal by another command, which would overwrite the new sign-in.
  const earlier = await withFileLocked(place.file, async () => {
    const found = await earlierSignIn(place)
    await writeKept(place.file, made)
    return found
  })
  if (earlier) {
    await revoke(place.server, earlier).catch((fault: unknown) =>
      note(io, `the earlier sign-in could not be ended: ${oneLine(fault)}`),
    )
  }
  return { issuer: made.issuer, scopes: made.scope.split(' '), file: place.file }
}

async function logout(io: Io, { remote = false }: Form): Promise<object> {
  const place = await signInPlace({ remote, env: io.env })
  const { server, file } = place
  const nobody = new Refusal(`nobody is signed in: there is no ${file}`)
  if (!(await readSignIn(place))) throw nobody
  // The lock prevents a renewal by another command, which would write the file again.
  await withFileLocked(file, async () => {
    const signedIn = await readSignIn(place)
    if (!signedIn) throw nobody
    await revoke(server, signedIn).catch((fault: unknown) => {
      throw new Refusal(`${oneLine(fault)}: the sign-in has not ended, and ${file} is kept`)
    })
    await rm(file)
  })
  return { issuer: server.issuer, signed_out: true }
}

export function addSignInCommands(program: Command, io: Io) {
  verb(program, {
    usage: 'login',
    description:
      'Sign in as a person who administers, in a browser. Later commands act as this person, with the scopes registry:… that were ' +
      'allowed. The sign-in is kept in a file that only you can read: in ~/.config/edge-registry, or CREDENTIALS_FILE.',
    example: '--remote',
    options: plainOptions({
      '--no-browser': 'print the address, and open no browser',
    }),
  }).action(async (options: Form & { browser?: boolean }) =>
    printDocument(io, options, await login(io, options)),
  )
  verb(program, {
    usage: 'logout',
    description: 'End the sign-in of this machine, and remove its file.',
    example: '--remote',
  }).action(async (options: Form) => printDocument(io, options, await logout(io, options)))
}
