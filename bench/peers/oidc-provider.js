/**
 * `oidc-provider` on Node.js, with its own HTTP application and an adapter that stores in maps, which is faster than its
 * own adapter and is not limited to a thousand entries. No ID tokens, no refresh tokens, no browser sessions.
 */

import Provider from 'oidc-provider'
import { checks, exchanges, ISSUED_SIGNED, issues, postRequest } from '../handouts.ts'
import {
  CALLBACK,
  credentialsFields,
  GRANTED_SCOPES,
  ISSUER,
  PKCE,
  SCOPES,
  SERVICE,
  SIGNED_TOKEN_SECONDS,
  SIGNING_KEY,
  USER,
} from '../subject.ts'
import { serve } from './serve.js'

const MAX_ENTRIES = 50_000
const credentials = { id: crypto.randomUUID(), secret: 'regs_0123456789abcdef0123456789abcdef' }
const ACCOUNT_ID = 'reader'

const byModel = new Map()
const entriesOf = (model) => {
  if (!byModel.has(model)) byModel.set(model, new Map())
  return byModel.get(model)
}

class Maps {
  constructor(model) {
    this.entries = entriesOf(model)
  }
  async upsert(id, payload) {
    const { entries } = this
    if (entries.size >= MAX_ENTRIES) entries.delete(entries.keys().next().value)
    entries.set(id, payload)
  }
  async find(id) {
    return this.entries.get(id)
  }
  async consume(id) {
    this.entries.get(id).consumed = Math.floor(Date.now() / 1000)
  }
  async destroy(id) {
    this.entries.delete(id)
  }
  async revokeByGrantId(grantId) {
    for (const entries of byModel.values())
      for (const [id, payload] of entries) if (payload.grantId === grantId) entries.delete(id)
  }
}

const provider = new Provider(ISSUER, {
  adapter: Maps,
  clients: [
    {
      client_id: credentials.id,
      client_secret: credentials.secret,
      redirect_uris: [CALLBACK],
      grant_types: ['client_credentials', 'authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
      scope: SCOPES.join(' '),
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [{ ...SIGNING_KEY, use: 'sig', alg: 'ES256' }] },
  scopes: SCOPES,
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false },
    // Requests that name the service get signed tokens (RFC 9068).
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: async () => ({
        scope: SCOPES.join(' '),
        audience: SERVICE,
        accessTokenTTL: SIGNED_TOKEN_SECONDS,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
      useGrantedResource: async () => true,
    },
  },
  pkce: { required: () => true },
  issueRefreshToken: async () => false,
  findAccount: async (_ctx, accountId) => ({
    accountId,
    claims: async () => ({ sub: accountId, email: USER.email }),
  }),
  cookies: { keys: ['a key for cookies that nobody is given'] },
  ttl: { AccessToken: 7200, ClientCredentials: 7200, AuthorizationCode: 3600, Grant: 7200 },
})

/** Writes the records of its authorization endpoint after a user's consent, with its own models. */
async function mint(Model, more) {
  const client = await provider.Client.find(credentials.id)
  const scope = GRANTED_SCOPES.join(' ')
  const grant = new provider.Grant({ accountId: ACCOUNT_ID, clientId: credentials.id })
  grant.addOIDCScope(scope)
  grant.addResourceScope(SERVICE, scope)
  const grantId = await grant.save()
  const token = new Model({ accountId: ACCOUNT_ID, client, grantId, scope, ...more })
  return token.save()
}

const mintCode = (more = {}) =>
  mint(provider.AuthorizationCode, {
    ...more,
    gty: 'authorization_code',
    redirectUri: CALLBACK,
    codeChallenge: PKCE.challenge,
    codeChallengeMethod: 'S256',
    authTime: Math.floor(Date.now() / 1000),
  })

const mintToken = () => mint(provider.AccessToken, { gty: 'authorization_code' })

const { id: client_id, secret: client_secret } = credentials

const redeeming = { path: '/token', credentials }
const asked = { scope: SCOPES.join(' ') }
const signed = { ...asked, resource: SERVICE }
const checkOf = (token) => postRequest('/token/introspection', { token, client_id, client_secret })

serve(
  {
    token_warm: issues('/token', credentialsFields(credentials, asked)),
    signed_token: issues('/token', credentialsFields(credentials, signed), ISSUED_SIGNED),
    signed_exchange: exchanges({ ...redeeming, text: ISSUED_SIGNED }, () =>
      mintCode({ resource: SERVICE }),
    ),
    exchange: exchanges(redeeming, () => mintCode()),
    check: checks(mintToken, checkOf, '"active":true'),
  },
  provider.callback(),
)
