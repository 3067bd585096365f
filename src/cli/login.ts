/**
 * Signs a person in at a registry, in a browser: an authorization code with PKCE, sent back to a port of this machine (RFC
 * 8252 §7.3) and bound to a key of this sign-in (RFC 9449 §10).
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { digest } from '../crypto/digest.ts'
import { randomText } from '../crypto/random.ts'
import { COMMAND_LINE_ID, LOGIN_REDIRECT_URI } from '../local/operators.ts'
import { oneLine, Refusal } from '../local/refusal.ts'
import { buyWithKey, newKey, type SignIn, signInOf } from './sign-in.ts'
import type { Server } from './tokens.ts'

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

/** The response with this state. Any other request is another's, and the wait goes on. */
function responseWith(server: HttpServer, state: string): Promise<URLSearchParams> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Refusal(`nobody signed in within ${WAIT_MS / 60_000} minutes`)),
      WAIT_MS,
    )
    server.on('request', (request, response) => {
      // Null for what is no address, such as `//`.
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

/** Throws a Refusal for a response that has no code. */
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
export async function signIn(server: Server, show: (url: string) => void): Promise<SignIn> {
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
      // No other scope: the page offers all that the person holds of the registry's own.
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

/** Where no browser opens, the person has the address. */
export function openInBrowser(url: string) {
  const [command, ...words] = OPENERS[process.platform] ?? []
  if (command === undefined) return
  const child = spawn(command, [...words, url], { detached: true, stdio: 'ignore' })
  child.once('error', () => {})
  child.unref()
}
