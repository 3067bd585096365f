/** Clients that register themselves over HTTP. */

import { env } from 'cloudflare:workers'
import { issuedIn } from './obtaining.ts'
import {
  declare,
  type Fetch,
  ISSUER,
  newUser,
  obtainCode,
  PKCE,
  post,
  serve,
  signIn,
  type TestUser,
  withChallenge,
} from './registry.ts'

/** Registrations are counted by network, so each caller has another network. */
let networks = 0
export const newNetwork = () => {
  networks += 1
  return `2001:db8:${networks.toString(16)}::1`
}

/** Its limits are so high that the tests do not reach them. */
export const OPEN = serve({ REGISTRATION: 'open', REGISTRATIONS_PER_DAY: '1000000' })
export const TOKEN = serve({ REGISTRATION: 'token' })

/** A client that registers itself gets the first two without approval. */
export const declareScopes = () => {
  const sentence = 'Do this'
  return declare({
    scopes: [
      { name: 'public:read', sentence, self_registered: true },
      { name: 'submission:read', sentence, self_registered: true },
      { name: 'submission:create', sentence },
    ],
  })
}

export type Information = Readonly<{
  client_id: string
  client_secret?: string
  client_secret_expires_at?: number
  registration_access_token?: string
  registration_client_uri?: string
  redirect_uris: string[]
  grant_types: string[]
  response_types: string[]
  token_endpoint_auth_method: string
  scope?: string
  [member: string]: unknown
}>

type How = Readonly<{
  fetch?: Fetch
  network?: string
  headers?: Record<string, string>
}>

export const markSelfRegistered = (clientId: string) =>
  env.DB.prepare(
    `INSERT INTO self_registered_client (client_id, kind, created_at) VALUES (?1, 'registration', unixepoch())`,
  )
    .bind(clientId)
    .run()

const JSON_TYPE = { 'Content-Type': 'application/json' }

export const askToRegister = (
  body: unknown,
  { fetch = OPEN, network = newNetwork(), headers = {} }: How = {},
) =>
  fetch('/register', {
    method: 'POST',
    headers: { ...JSON_TYPE, 'CF-Connecting-IP': network, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

let names = 0
/** What a host at a loopback address sends. */
export const hostMetadata = (more: Record<string, unknown> = {}) => {
  names += 1
  return {
    client_name: `Host ${names}`,
    redirect_uris: ['http://127.0.0.1/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...more,
  }
}

/** Throws if it is refused. */
export async function registered(body: unknown, how: How = {}): Promise<Information> {
  const response = await askToRegister(body, how)
  const text = await response.text()
  if (response.status !== 201) throw new Error(`/register answered ${response.status}: ${text}`)
  return JSON.parse(text) as Information
}

/** The tokens of the code flow, which a user, by default a new one, allows this client. */
export async function tokensFor(
  { client_id, redirect_uris }: Information,
  more: Record<string, string> = {},
  user?: TestUser,
) {
  const asked = { client_id, redirect_uri: redirect_uris[0] ?? '', ...more }
  const cookie = await signIn(user ?? (await newUser()), OPEN)
  const code = await obtainCode(cookie, { response_type: 'code', ...asked, ...withChallenge }, OPEN)
  const redemption = { client_id, redirect_uri: asked.redirect_uri, code }
  const fields = { grant_type: 'authorization_code', code_verifier: PKCE.verifier, ...redemption }
  return issuedIn(await post('/token', fields, {}, OPEN))
}

export const manage = (
  method: 'GET' | 'PUT' | 'DELETE',
  { client_id, registration_access_token = '' }: Information,
  { fetch = OPEN, body }: Readonly<{ fetch?: Fetch; body?: unknown }> = {},
) =>
  fetch(`/register/${client_id}`, {
    method,
    headers: { ...JSON_TYPE, Authorization: `Bearer ${registration_access_token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })

export const errorIn = async (response: Response) => {
  const { error, error_description } = (await response.json()) as Record<string, string>
  return { status: response.status, error, description: error_description ?? '' }
}

export const managementUri = (clientId: string) => `${ISSUER}/register/${clientId}`
