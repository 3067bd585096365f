/** A client application, which requests authorization, receives the callback and redeems the code. It also serves test pages. */

import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen } from '../node/listen.ts'

/** `clientSecret` is null for a public client. */
export type ClientKeys = Readonly<{ clientId: string; clientSecret: string | null }>

/** The result of one callback, with its parameters. */
export type Callback = Readonly<{
  path: string
  params: Readonly<Record<string, string>>
  outcome:
    | Readonly<{ kind: 'token'; token: string; scope: string }>
    | Readonly<{ kind: 'refused'; error: string }>
    /** The state or the issuer was wrong, or the code could not be redeemed. */
    | Readonly<{ kind: 'alarm'; why: string }>
}>

export type ClientApp = Readonly<{
  /** `http://127.0.0.1:PORT`, and the same server as `localhost`. */
  origin: string
  localhost: string
  callbackUri: string
  /** A callback that redirects to another origin. */
  forwardingUri: string
  /** A callback that redirects to an application on the device, and stores its parameters. */
  relayUri: string
  /** The parameters of the last call of the relay. */
  relayed: () => Readonly<Record<string, string>> | null
  /** The callbacks in the order of their arrival. */
  callbacks: readonly Callback[]
  /** An authorization URL with a new state and a new PKCE challenge. */
  ask: (keys: ClientKeys, scope?: string, more?: Record<string, string>) => string
  /** Serves this HTML, and returns its path. */
  publish: (html: string) => string
  close: () => Promise<void>
}>

type Pending = Readonly<{ keys: ClientKeys; verifier: string; redirectUri: string }>

const randomText = () => randomBytes(32).toString('base64url')
const HTML = { 'Content-Type': 'text/html; charset=utf-8' }
const page = (title: string) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>`

const TITLES = { token: 'Connected', refused: 'Not connected', alarm: 'Alarm' }

/** `issuer` is the issuer that the application expects in responses. */
export async function startClientApp(issuer: string): Promise<ClientApp> {
  const pending = new Map<string, Pending>()
  const pages = new Map<string, string>()
  const callbacks: Callback[] = []
  let relayed: Record<string, string> | null = null

  async function redeem(code: string, { keys, verifier, redirectUri }: Pending) {
    const answer = await fetch(`${issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        client_id: keys.clientId,
        ...(keys.clientSecret !== null && { client_secret: keys.clientSecret }),
      }),
    })
    const body = (await answer.json()) as Record<string, string>
    if (answer.status !== 200) {
      return { kind: 'alarm', why: `/token: ${answer.status} ${JSON.stringify(body)}` } as const
    }
    return { kind: 'token', token: body.access_token ?? '', scope: body.scope ?? '' } as const
  }

  async function judge(params: Record<string, string>): Promise<Callback['outcome']> {
    const { state = '', iss, code, error } = params
    const asked = pending.get(state)
    if (!asked) return { kind: 'alarm', why: `state ${state} is not ours` }
    if (iss !== issuer) return { kind: 'alarm', why: `iss is ${iss}` }
    if (error !== undefined && code === undefined) return { kind: 'refused', error }
    if (code === undefined || error !== undefined) {
      return { kind: 'alarm', why: 'there is not one of code and error' }
    }
    return redeem(code, asked)
  }

  async function answer(request: IncomingMessage, response: ServerResponse) {
    const { pathname: path, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1')
    const html = pages.get(path)
    if (html !== undefined) return response.writeHead(200, HTML).end(html)
    if (path === '/forward') {
      const location = `http://localhost:${port}/callback?${searchParams}`
      return response.writeHead(302, { Location: location }).end()
    }
    if (path === '/relay') {
      relayed = Object.fromEntries(searchParams)
      return response
        .writeHead(302, { Location: `com.example.app://callback?${searchParams}` })
        .end()
    }
    if (path !== '/callback') return response.writeHead(404, HTML).end(page('Nothing here'))
    const params = Object.fromEntries(searchParams)
    const outcome = await judge(params)
    callbacks.push({ path, params, outcome })
    return response.writeHead(200, HTML).end(page(TITLES[outcome.kind]))
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((fault) => response.writeHead(500, HTML).end(String(fault)))
  })
  const { port, url: origin, close } = await listen(server)
  const callbackUri = `${origin}/callback`

  return {
    origin,
    localhost: `http://localhost:${port}`,
    callbackUri,
    forwardingUri: `${origin}/forward`,
    relayUri: `${origin}/relay`,
    relayed: () => relayed,
    callbacks,
    ask(keys, scope = 'submission:create submission:read', more = {}) {
      const state = randomText()
      const verifier = randomText()
      const redirectUri = more.redirect_uri ?? callbackUri
      pending.set(state, { keys, verifier, redirectUri })
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: keys.clientId,
        redirect_uri: redirectUri,
        scope,
        state,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...more,
      })
      return `${issuer}/authorize?${query}`
    },
    publish(html) {
      const path = `/page/${pages.size + 1}`
      pages.set(path, html)
      return path
    },
    close,
  }
}
