/**
 * `@cloudflare/workers-oauth-provider` with no more than the measured operations need: no refresh tokens, no
 * registration, one route. Codes and tokens come from its own `completeAuthorization` and its token endpoint.
 */

import { getOAuthApi, OAuthProvider } from '@cloudflare/workers-oauth-provider'
import { memoryNamespace } from '../memory/namespace.ts'
import { TOKENS_TO_CHECK } from '../operations.ts'
import { getRequest, postRequest } from '../raw-request.ts'
import { CALLBACK, GRANTED_SCOPES, PKCE, redemptionFields, USER } from '../subject.ts'
import { many } from './fixture.ts'
import { isHandout } from './requests.ts'

const ORIGIN = 'http://127.0.0.1'
const API = '/api'
const HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
const ANSWER = JSON.stringify({ status: 'authenticated' })

const options = {
  apiRoute: `${ORIGIN}${API}`,
  apiHandler: { fetch: () => new Response(ANSWER, { headers: HEADERS }) },
  defaultHandler: { fetch: () => new Response(null, { status: 404 }) },
  authorizeEndpoint: '/authorize',
  tokenEndpoint: '/token',
  accessTokenTTL: 7200,
  refreshTokenTTL: 0,
  clientIdMetadataDocumentEnabled: false,
  resourceMetadata: { resource: `${ORIGIN}${API}`, authorization_servers: [ORIGIN] },
}

const provider = new OAuthProvider(options)
let serving

async function prepare(env) {
  const OAUTH_KV = env.STORAGE === 'memory' ? memoryNamespace() : env.OAUTH_KV
  const bound = { OAUTH_KV }
  const api = getOAuthApi(options, bound)
  const { clientId, clientSecret } = await api.createClient({
    redirectUris: [CALLBACK],
    clientName: 'Example client',
    tokenEndpointAuthMethod: 'client_secret_post',
  })
  return { env: bound, api, credentials: { id: clientId, secret: clientSecret } }
}

async function mintCode({ api, credentials }) {
  const { redirectTo } = await api.completeAuthorization({
    request: {
      responseType: 'code',
      clientId: credentials.id,
      redirectUri: CALLBACK,
      scope: GRANTED_SCOPES,
      state: 'af0ifjsldkj',
      codeChallenge: PKCE.challenge,
      codeChallengeMethod: 'S256',
      resource: `${ORIGIN}${API}`,
    },
    userId: 'reader',
    metadata: null,
    scope: GRANTED_SCOPES,
    props: { username: USER.username, email: USER.email },
    revokeExistingGrants: false,
  })
  return new URL(redirectTo).searchParams.get('code')
}

const exchange = (code) => postRequest('/token', redemptionFields(serving.credentials, code))

async function mintToken(context) {
  const code = await mintCode(serving)
  const request = new Request(`${ORIGIN}/token`, {
    method: 'POST',
    body: new URLSearchParams(redemptionFields(serving.credentials, code)),
  })
  const response = await provider.fetch(request, serving.env, context)
  const { access_token } = await response.json()
  return access_token
}

async function handOut(request, context) {
  const asked = new URL(request.url).searchParams
  if (asked.get('operation') === 'exchange') {
    const codes = await many(Number(asked.get('n')), () => mintCode(serving))
    return { requests: codes.map(exchange), once: true, status: 200, text: '"access_token":"' }
  }
  const tokens = await many(TOKENS_TO_CHECK, () => mintToken(context))
  const requests = tokens.map((one) => getRequest(API, { Authorization: `Bearer ${one}` }))
  return { requests, once: false, status: 200, text: 'authenticated' }
}

export default {
  async fetch(request, env, context) {
    if (serving && !isHandout(request)) return provider.fetch(request, serving.env, context)
    serving ??= await prepare(env)
    return Response.json(await handOut(request, context))
  },
}
