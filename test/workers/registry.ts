/** The registry under test, in workerd on real D1 and KV, and its users and clients. */

import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { type Bindings, compose } from '../../src/compose.ts'
import { digest, hexDigest, sessionKeyOf } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import {
  type AuthMethod,
  DEFAULT_AUTH_METHOD,
  type GrantType,
  usesSecret,
} from '../../src/domain/client.ts'
import type { ClientId } from '../../src/domain/ids.ts'
import { composeManagement } from '../../src/management/compose.ts'
import type { ResolutionRequest } from '../../src/protocol/client-documents.ts'
import { liveSessions } from '../../src/stores/live-sessions.ts'
import { type CatalogueFile, declareStatements } from '../../src/stores/scope-statements.ts'
import { type Pair, fieldsOf as readForm } from '../node/forms.ts'
import { clientRegistry, userRegistry } from '../rows.ts'

export const ISSUER = 'http://127.0.0.1:8787'
export const CALLBACK = 'https://client.example/callback'
export const nowSeconds = () => Math.floor(Date.now() / 1000)

export type Fetch = (path: string, init?: RequestInit) => Promise<Response>

/**
 * A new registry with changed bindings and settings, in front of a management worker with the same. Deferred work is done
 * when it answers.
 */
export function serve(changes: Record<string, unknown> = {}): Fetch {
  const given = { ...env, ISSUER, ...changes }
  // Composed at the first call, because some tests make a setting of only the registry invalid.
  let management: ReturnType<typeof composeManagement> | undefined
  const deferred: Promise<unknown>[] = []
  const composed = () => {
    management ??= composeManagement(given, (work) => void deferred.push(work))
    return management
  }
  const MANAGEMENT = {
    resolveClientDocument: async (asked: ResolutionRequest) =>
      composed().resolveClientDocument(asked),
    fetchLogo: async (clientId: string) => composed().fetchLogo(clientId),
    sendWebhooks: async () => composed().sendWebhooks(),
    finishDeletions: async () => composed().finishDeletions(),
    async fetch(request: Request) {
      const context = createExecutionContext()
      const response = await composed().fetch(request, given, context)
      await waitOnExecutionContext(context)
      return response
    },
  }
  const registry = compose({ ...given, MANAGEMENT, ...changes } as Bindings)
  return async (path, init) => {
    const context = createExecutionContext()
    const request = new Request(new URL(path, ISSUER), { redirect: 'manual', ...init })
    const response = await registry.fetch(request, env, context)
    await waitOnExecutionContext(context)
    await Promise.all(deferred.splice(0))
    return response
  }
}

export const registry = serve()

export type Pairs = Record<string, string> | [string, string][]
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

export const post = (
  path: string,
  fields: Pairs,
  headers: Record<string, string> = {},
  fetch: Fetch = registry,
) =>
  fetch(path, {
    method: 'POST',
    headers: { ...FORM, ...headers },
    body: new URLSearchParams(fields).toString(),
  })

type Registration = Partial<{
  name: string
  ownerId: string
  url: string
  description: string
  authMethod: AuthMethod
  requirePkce: boolean
  requireDpop: boolean
  mayIntrospect: boolean
  accessTokenLifetimeSeconds: number | null
  jwks: string
  jwksUri: string
  logoUri: string
  redirectUris: string[]
  grantTypes: GrantType[]
  scopes: string[]
  endorsements: string[]
  requestedOnly: boolean
}>
export type TestClient = Readonly<{ id: string; secret: string }>
export type RegisteredClient = TestClient & Readonly<{ id: ClientId }>

export async function newClient(asked: Registration = {}): Promise<RegisteredClient> {
  const authMethod = asked.authMethod ?? DEFAULT_AUTH_METHOD
  const secret = usesSecret(authMethod) ? mintToken('clientSecret') : ''
  const client = {
    name: 'Example client',
    ownerId: 'owner-1',
    url: 'https://client.example',
    description: 'Reads submissions',
    requirePkce: false,
    requireDpop: false,
    mayIntrospect: false,
    accessTokenLifetimeSeconds: null,
    jwks: null,
    redirectUris: [CALLBACK],
    grantTypes: ['client_credentials', 'authorization_code'] as GrantType[],
    scopes: ['public:read', 'submission:read', 'submission:create'],
    endorsements: ['cs.*'],
    ...asked,
    authMethod,
  }
  const mode = asked.requestedOnly ? 'request' : 'authorize'
  const secretDigest = secret === '' ? null : await hexDigest(secret)
  const id = await clientRegistry(env.DB).create(client, secretDigest, { mode, now: nowSeconds() })
  return { id, secret }
}

/** Declares scopes and categories, as an import does. */
export const declare = (declared: Partial<CatalogueFile>) =>
  env.DB.batch(declareStatements(env.DB, { scopes: [], categories: [], ...declared }, nowSeconds()))

export const PASSWORD = 'correct horse battery staple'
/** The hash of the password, with cheap parameters, which are part of the stored string. */
const CHEAP_HASH =
  'scrypt$1024$8$1$AAAAAAAAAAAAAAAAAAAAAA$u5ZMvjK7XcTUD1inpyUcc3gqsS0uCWtVMsQ9-RZ8OWk'

let people = 0
export type TestUser = Readonly<{ id: string; username: string }>

export async function newUser(
  held: Partial<{
    username: string
    scopes: string[]
    endorsements: string[]
    passwordHash: string
  }> = {},
): Promise<TestUser> {
  people += 1
  // Names of one length: none is the beginning of another, and they sort in the order in which they were made.
  const username = `reader${String(people).padStart(5, '0')}`
  const user = {
    username,
    email: `${username}@example.org`,
    passwordHash: CHEAP_HASH,
    scopes: ['public:read', 'submission:read'],
    endorsements: ['cs.DL', 'math.*'],
    ...held,
  }
  const id = await userRegistry(env.DB).create(user, nowSeconds())
  return { id: id ?? '', username: user.username }
}

export const cookiesOf = (response: Response) =>
  response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0] ?? '')
    .filter((pair) => !pair.endsWith('='))
    .join('; ')

/** The session token in a Cookie header of `signIn`. */
export const sessionTokenIn = (cookie: string) => /registry_session=([^;]*)/.exec(cookie)?.[1] ?? ''

/** The fields that a browser would send with the form of this action, with its ticked boxes. */
export const fieldsOf = (page: string, action: string): Pair[] => readForm(page, action) ?? []

/** The fields of the consent page with Allow pressed. */
export const allowing = (page: string): Pair[] => [
  ...fieldsOf(page, '/authorize'),
  ['confirm', 'ok'],
]

/** The fields of the consent page with Cancel pressed. */
export const cancelling = (page: string): Pair[] => [
  ...fieldsOf(page, '/authorize'),
  ['confirm', 'cancel'],
]

/** The fields of the form that removes this client from the account page. */
export function removalOf(clientId: string, page: string): Record<string, string> {
  const form = page.split('<form').find((part) => part.includes(`value="${clientId}"`)) ?? ''
  return Object.fromEntries(fieldsOf(`<form${form}`, '/account'))
}

type SignIn = Partial<{
  password: string
  /** Fields to change in the form. */
  change: Record<string, string>
  /** Cookies and headers to send beside those of the page. */
  cookie: string
  headers: Record<string, string>
  page: string
  fetch: Fetch
}>

/** Opens the sign-in page, fills in its form and posts it. */
export async function attemptSignIn(username: string, how: SignIn = {}): Promise<Response> {
  const { password = PASSWORD, cookie = '', page = '/login', fetch = registry } = how
  const opened = await fetch(page)
  const shown = Object.fromEntries(fieldsOf(await opened.text(), '/login'))
  const Cookie = [cookiesOf(opened), cookie].filter(Boolean).join('; ')
  const fields = { ...shown, username, password, ...how.change }
  const path = new URL('/login', new URL(page, ISSUER)).href
  return post(path, fields, { Cookie, ...how.headers }, fetch)
}

/** Signs in as a browser does; returns the Cookie header for later requests. */
export async function signIn(user: TestUser, fetch: Fetch = registry): Promise<string> {
  const response = await attemptSignIn(user.username, { fetch })
  if (response.status !== 303) throw new Error(`sign-in answered ${response.status}`)
  return cookiesOf(response)
}

export const authorizePath = (parameters: Pairs) => `/authorize?${new URLSearchParams(parameters)}`

export const requestOf = (client: TestClient, more: Record<string, string> = {}) => ({
  response_type: 'code',
  client_id: client.id,
  redirect_uri: CALLBACK,
  scope: 'submission:read',
  state: 'af0ifjsldkj',
  ...more,
})

/** Opens the consent page and answers it with its own fields, which `change` may change. */
export async function answerConsent(
  cookie: string,
  parameters: Pairs,
  change: (fields: [string, string][]) => [string, string][] = (fields) => fields,
  fetch: Fetch = registry,
): Promise<Response> {
  const page = await fetch(authorizePath(parameters), { headers: { Cookie: cookie } })
  if (page.status !== 200) throw new Error(`no consent page but ${page.status}`)
  const fields = change(allowing(await page.text()))
  return post('/authorize', fields, { Cookie: cookie }, fetch)
}

export const sentTo = (response: Response) => new URL(response.headers.get('Location') ?? 'about:')
export const codeIn = (response: Response) => sentTo(response).searchParams.get('code') ?? ''

/** A code for a signed-in user who allows everything, on the page or by a remembered consent. */
export async function obtainCode(
  cookie: string,
  parameters: Pairs,
  fetch: Fetch = registry,
): Promise<string> {
  const page = await fetch(authorizePath(parameters), { headers: { Cookie: cookie } })
  if (page.status === 303) return codeIn(page)
  return codeIn(await post('/authorize', allowing(await page.text()), { Cookie: cookie }, fetch))
}

export const redemptionOf = (
  client: TestClient,
  code: string,
  more: Record<string, string> = {},
) => ({
  grant_type: 'authorization_code',
  client_id: client.id,
  ...(client.secret && { client_secret: client.secret }),
  code,
  redirect_uri: CALLBACK,
  ...more,
})

export const credentialsOf = (client: TestClient, more: Record<string, string> = {}) => ({
  grant_type: 'client_credentials',
  client_id: client.id,
  client_secret: client.secret,
  ...more,
})

/** The header of a client that authenticates by Basic. */
export const basicOf = ({ id, secret }: TestClient) => ({
  Authorization: `Basic ${btoa(`${id}:${secret}`)}`,
})

export type TokenBody = Readonly<{
  access_token: string
  token_type: string
  expires_in: number
  scope: string
}>

export const tokenIn = async (response: Response) => (await response.json()) as TokenBody

/** The live session of a token, as the authenticator sees it with `fresh`; null if there is none. */
export const sessionOf = async (token: string) =>
  liveSessions(env.SESSIONS, env.DB).find(await sessionKeyOf(token), Date.now(), true)

/** Copies the session of a browser as an accounts service may write it; returns the Cookie header of the copy. */
export async function externalSession(cookie: string, userId?: string): Promise<string> {
  const written = await sessionOf(sessionTokenIn(cookie))
  const user = { ...written?.user, ...(userId !== undefined && { user_id: userId }) }
  await env.SESSIONS.put(await digest('a-session-of-theirs'), JSON.stringify({ ...written, user }))
  return 'registry_session=a-session-of-theirs'
}

export async function countSessions(): Promise<number> {
  let count = 0
  for (let cursor: string | null = null; ; ) {
    const page: KVNamespaceListResult<unknown> = await env.SESSIONS.list({ cursor })
    count += page.keys.length
    if (page.list_complete) return count
    cursor = page.cursor
  }
}

/** The status and error of a refusal, for one comparison. */
export async function refusal(response: Response) {
  const body = (await response.json()) as { error?: string; access_token?: string }
  return { status: response.status, error: body.error, token: body.access_token }
}

/** What `refusal` returns for a storage fault. */
export const UNAVAILABLE = { status: 503, error: 'temporarily_unavailable' }

/** RFC 7636, appendix B. */
export const PKCE = {
  verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
} as const
export const withChallenge = { code_challenge: PKCE.challenge, code_challenge_method: 'S256' }
