/** Tokens of each kind, for the tests of revocation, introspection and refresh. */

import { env } from 'cloudflare:workers'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import type { AuthorizationCode } from '../../src/domain/authorization-code.ts'
import type { ApprovedRedirectUri, ClientId } from '../../src/domain/ids.ts'
import { NO_AUDIENCE } from '../../src/domain/resource.ts'
import {
  CALLBACK,
  credentialsOf,
  type Fetch,
  ISSUER,
  newClient,
  newUser,
  obtainCode,
  type Pairs,
  PKCE,
  post,
  redemptionOf,
  registry,
  requestOf,
  signIn,
  type TestClient,
  type TestUser,
  type TokenBody,
  tokenIn,
  withChallenge,
} from './registry.ts'
import { JWT_SECRET } from './stored-session.ts'

export type Tokens = Readonly<{ access: string; refresh: string }>

export type Issued = TokenBody & Readonly<{ refresh_token: string }>

/** Throws unless tokens were issued. */
export async function issuedIn(response: Response): Promise<Issued> {
  if (response.status !== 200) throw new Error(await response.text())
  return (await response.json()) as Issued
}

/** The tokens for a code. Throws unless tokens were issued. */
export const redeemCode = async (
  client: TestClient,
  code: string,
  more: Record<string, string> = {},
  fetch: Fetch = registry,
) => issuedIn(await post('/token', redemptionOf(client, code, more), {}, fetch))

const REFRESHABLE = ['client_credentials', 'authorization_code', 'refresh_token'] as const

export const newRefreshingClient = (more: Parameters<typeof newClient>[0] = {}) =>
  newClient({ grantTypes: [...REFRESHABLE], ...more })

export const newPublicClient = (more: Parameters<typeof newClient>[0] = {}) =>
  newClient({ authMethod: 'none', grantTypes: ['authorization_code', 'refresh_token'], ...more })

/** The id of a client and its secret, if it has one. */
export const identityOf = (client: TestClient) => ({
  client_id: client.id,
  ...(client.secret && { client_secret: client.secret }),
})

export async function machineToken(client: TestClient, more: Record<string, string> = {}) {
  return (await tokenIn(await post('/token', credentialsOf(client, more)))).access_token
}

/** Tokens of the code flow, for a new user unless one is given. */
export async function userTokens(client: TestClient, user?: TestUser): Promise<Tokens> {
  const cookie = await signIn(user ?? (await newUser()))
  const code = await obtainCode(cookie, requestOf(client, withChallenge))
  const redemption = redemptionOf(client, code, { code_verifier: PKCE.verifier })
  return tokensIn(await post('/token', redemption))
}

/** The fields of a refresh. */
export const renewalOf = (client: TestClient, refresh_token: string) => ({
  grant_type: 'refresh_token',
  refresh_token,
  ...identityOf(client),
})

/** The response to a refresh. */
export const renewal = (
  client: TestClient,
  refresh: string,
  more: Record<string, string> = {},
  fetch: Fetch = registry,
) => post('/token', { ...renewalOf(client, refresh), ...more }, {}, fetch)

/** Whether /introspect says that the token is active. */
export async function isActive(by: TestClient, token: string, fetch: Fetch = registry) {
  const response = await sendAs(by, '/introspect', { token }, fetch)
  return ((await response.json()) as { active: boolean }).active
}

export async function tokensIn(response: Response): Promise<Tokens> {
  const body = (await tokenIn(response)) as TokenBody & { refresh_token?: string }
  return { access: body.access_token, refresh: body.refresh_token ?? '' }
}

/** `about` is the `token` and any other fields beside the client's credentials. */
export const sendAs = (
  client: TestClient,
  path: '/revoke' | '/introspect',
  about: Record<string, string>,
  fetch: Fetch = registry,
) => post(path, { ...identityOf(client), ...about } satisfies Pairs, {}, fetch)

const { SESSIONS, DB } = env
const authenticator = createAuthenticator({ SESSIONS, ISSUER, JWT_SECRET, DB })

/** The status that the authenticator answers for a token, with a check in D1. */
export async function authStatus(token: string): Promise<number> {
  const headers = { Authorization: `Bearer ${token}` }
  const request = new Request('https://authenticator.example/auth?fresh', { headers })
  return (await authenticator.fetch(request)).status
}

/** The record of a code, which lives 600 s. */
export const codeRecord = (
  clientId: ClientId,
  user: AuthorizationCode['user'],
  issuedAt: number,
): AuthorizationCode => ({
  ...NO_AUDIENCE,
  clientId,
  user,
  redirectUri: CALLBACK as ApprovedRedirectUri,
  redirectUriSent: true,
  codeChallenge: null,
  dpopJkt: null,
  issuedAt,
  expiresAt: issuedAt + 600,
})
