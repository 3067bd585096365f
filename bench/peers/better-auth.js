/**
 * `better-auth` with `@better-auth/oauth-provider` on Node.js, with its own memory adapter: rate limits, telemetry and
 * logging off, the client cached as trusted, opaque tokens, no ID tokens, no refresh tokens. Its tables are lists that
 * it searches completely, so the rows of earlier slices are removed before each slice.
 */

import { oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'
import { checks, exchanges, issues, postRequest } from '../handouts.ts'
import {
  CALLBACK,
  credentialsFields,
  GRANTED_SCOPES,
  ISSUER,
  PKCE,
  redemptionFields,
  SCOPES,
  USER,
} from '../subject.ts'
import { serve } from './serve.js'

const BASE = '/api/auth'
const TOKEN = `${BASE}/oauth2/token`
const DAY_MS = 86_400_000

const sha256 = async (text) =>
  Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toString(
    'base64url',
  )

const MODELS = [
  'user',
  'session',
  'account',
  'verification',
  'jwks',
  'oauthClient',
  'oauthClientResource',
  'oauthResource',
  'oauthAccessToken',
  'oauthRefreshToken',
  'oauthConsent',
  'oauthClientAssertion',
]
const tables = Object.fromEntries(MODELS.map((model) => [model, []]))
const trusted = new Set()

const auth = betterAuth({
  baseURL: ISSUER,
  basePath: BASE,
  secret: 'a secret of the benchmark, of more than 32 bytes',
  database: memoryAdapter(tables),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
  plugins: [
    jwt(),
    oauthProvider({
      loginPage: '/login',
      consentPage: '/consent',
      scopes: SCOPES,
      accessTokenExpiresIn: 7200,
      m2mAccessTokenExpiresIn: 7200,
      codeExpiresIn: 3600,
      grantTypes: ['authorization_code', 'client_credentials'],
      cachedTrustedClients: trusted,
      storeTokens: { hash: sha256 },
      storeClientSecret: { hash: sha256 },
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    }),
  ],
})
const context = await auth.$context

/** Writes the row that its endpoint for administrators would write, which requires a browser session. */
async function register() {
  const [id, secret] = [crypto.randomUUID(), 'regs_0123456789abcdef0123456789abcdef']
  await context.adapter.create({
    model: 'oauthClient',
    data: {
      clientId: id,
      clientSecret: await sha256(secret),
      disabled: false,
      name: 'Example client',
      redirectUris: [CALLBACK],
      grantTypes: ['authorization_code', 'client_credentials'],
      responseTypes: ['code'],
      tokenEndpointAuthMethod: 'client_secret_post',
      scopes: SCOPES,
      clientCredentialsScopes: SCOPES,
      requirePKCE: true,
      createdAt: new Date(),
      updatedAt: new Date(),
    },
  })
  trusted.add(id)
  return { id, secret }
}

const { internalAdapter } = context
const user = await internalAdapter.createUser({
  name: USER.username,
  email: USER.email,
  emailVerified: true,
})
const session = await internalAdapter.createSession(user.id)
const credentials = await register()

/** Writes a code as its authorization endpoint does. */
async function mintCode() {
  const code = crypto.randomUUID().replaceAll('-', '')
  await internalAdapter.createVerificationValue({
    identifier: await sha256(code),
    expiresAt: new Date(Date.now() + DAY_MS),
    value: JSON.stringify({
      type: 'authorization_code',
      query: {
        response_type: 'code',
        client_id: credentials.id,
        redirect_uri: CALLBACK,
        scope: GRANTED_SCOPES.join(' '),
        state: 'af0ifjsldkj',
        code_challenge: PKCE.challenge,
        code_challenge_method: 'S256',
      },
      userId: user.id,
      sessionId: session.id,
      authTime: Date.now(),
    }),
  })
  return code
}

async function mintToken() {
  const body = new URLSearchParams(redemptionFields(credentials, await mintCode()))
  const response = await auth.handler(new Request(ISSUER + TOKEN, { method: 'POST', body }))
  return (await response.json()).access_token
}

/** Removes the rows of earlier slices. */
const cleared = (handOut) => (count) => {
  tables.oauthAccessToken.length = 0
  tables.verification.length = 0
  return handOut(count)
}

const { id: client_id, secret: client_secret } = credentials
const checkOf = (token) =>
  postRequest(`${BASE}/oauth2/introspect`, { token, client_id, client_secret })

serve(
  {
    token_warm: cleared(issues(TOKEN, credentialsFields(credentials))),
    exchange: cleared(exchanges({ path: TOKEN, credentials }, mintCode)),
    check: cleared(checks(mintToken, checkOf, '"active":true')),
  },
  toNodeHandler(auth),
)
